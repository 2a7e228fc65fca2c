"use strict";
const by = (id) => document.getElementById(id);
const EVERY_MS = 2000;
let active = false, timer = null;
for (const kind of ["pointermove", "pointerdown", "keydown"]) addEventListener(kind, () => { active = true; });

function show(loggedIn, why = "") {
  by("login").hidden = loggedIn;
  by("view").hidden = !loggedIn;
  by("why").textContent = why;
  clearTimeout(timer);
  if (loggedIn) refresh();
}

function models({ pack, liveness, recomputing, without_face, postponed }) {
  if (!pack) return "No face models are installed: nobody passes by face.";
  const said = [`Face models: ${pack}.`];
  if (!liveness) said.push("They cannot tell a living face from a picture: liveness is not available.");
  if (recomputing) said.push(`${recomputing} people are still to be measured with these models and pass without their face until then.`);
  if (without_face) said.push(`${without_face} people need a new photo: these models find no face on the old one.`);
  if (postponed) said.push(`${postponed} people could not be measured with these models and pass without their face until the terminal has started again.`);
  return said.join(" ");
}

async function refresh() {
  const query = active ? "?active" : "";
  active = false;
  try {
    const [state, screen] = await Promise.all([fetch("/web/state" + query), fetch("/web/screen.png")]);
    if (state.status === 401) return show(false, by("view").hidden ? "" : "You were logged out after a time without activity.");
    const told = await state.json();
    by("name").textContent = told.name;
    by("identity").textContent = `${told.device_id} · ${told.version} · ${told.time.replace("T", " ")} · ${told.people} of ${told.people_limit} people`;
    by("models").textContent = models(told.models);
    by("decided").replaceChildren(...told.decided.map((note) => {
      const row = document.createElement("tr");
      const similarity = note.similarity ? note.similarity.toFixed(1) : "";
      for (const text of [note.time.replace("T", " "), note.who?.Name ?? "", note.verdict, similarity, note.reason])
        row.insertCell().textContent = text;
      row.cells[2].className = note.verdict;
      return row;
    }));
    if (screen.ok) {
      const reader = new FileReader();
      reader.onload = () => { by("screen").src = reader.result; };
      reader.readAsDataURL(await screen.blob());
    }
    by("login").hidden = true;
    by("view").hidden = false;
  } catch {
    by("identity").textContent = "The terminal does not answer.";
  }
  timer = setTimeout(refresh, EVERY_MS);
}

by("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = JSON.stringify({ user: form.get("user"), password: form.get("password") });
  const answer = await fetch("/web/login", { method: "POST", body });
  if (answer.ok) { event.target.reset(); show(true); }
  else show(false, answer.status === 401 ? "Unknown user or password." : "The terminal cannot log you in now.");
});
by("logout").addEventListener("click", async () => {
  await fetch("/web/logout", { method: "POST" });
  show(false);
});
refresh();
