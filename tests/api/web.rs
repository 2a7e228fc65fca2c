//! The web page over the real port: its login, and when that ends.

use std::sync::Arc;
use std::time::Duration;

use facegate::api::server::{Listening, ServerLimits, serve};
use facegate::api::web::Web;
use facegate::clock::ManualClock;
use facegate::control::decisions::{Decisions, Note};
use serde_json::json;

use crate::rig::Rig;

struct Page {
    rig: Rig,
    clock: Arc<ManualClock>,
    address: std::net::SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Page {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at("2026-03-01T04:00:00Z".parse().unwrap()));
        let rig = Rig::with_clock(clock.clone());
        let decisions = Arc::new(Decisions::default());
        decisions.note(Note::new(rig.cx.now(), "remote", "opened by the platform"));
        let web = Web { decisions, screen: Box::new(|| Ok(b"PNG".to_vec())) };
        let listening = Listening::open(([127, 0, 0, 1], 0).into(), rig.runtime.handle().clone()).unwrap();
        let address = listening.address().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let cx = rig.cx.clone();
        rig.runtime.spawn(async move {
            serve(&listening, cx, ServerLimits::default(), None, Some(web), async { drop(stopped.await) })
                .await
                .unwrap();
        });
        Self { rig, clock, address, _stop: stop }
    }

    /// Status, cookie and body.
    fn ask(&self, method: &str, path: &str, cookie: &str, body: &str) -> (u16, String, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("http://{}{path}", self.address);
        let mut answer = match method {
            "GET" => agent.get(url).header("Cookie", cookie).call().unwrap(),
            _ => agent.post(url).header("Cookie", cookie).send(body).unwrap(),
        };
        let set = answer.headers().get("Set-Cookie").map_or_else(String::new, |c| c.to_str().unwrap().to_owned());
        (answer.status().as_u16(), set, answer.body_mut().read_to_string().unwrap())
    }

    fn log_in(&self, user: &str, password: &str) -> Option<String> {
        let body = json!({ "user": user, "password": password }).to_string();
        let (status, cookie, _) = self.ask("POST", "/web/login", "", &body);
        assert_eq!(status, if cookie.is_empty() { 401 } else { 204 });
        (!cookie.is_empty()).then(|| {
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
            cookie.split(';').next().unwrap().to_owned()
        })
    }

    fn state(&self, query: &str, cookie: &str) -> u16 {
        self.ask("GET", &format!("/web/state{query}"), cookie, "").0
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[test]
fn the_page_shows_the_terminal_to_who_logs_in() {
    let page = Page::new();
    let (status, _, html) = page.ask("GET", "/", "", "");
    assert!(status == 200 && html.contains("/web/page.js"), "{html}");
    for path in ["/web/state", "/web/screen.png"] {
        assert_eq!(page.ask("GET", path, "", "").0, 401, "{path}");
        assert_eq!(page.ask("GET", path, "facegate=0123", "").0, 401, "{path}");
    }
    assert_eq!(page.ask("GET", "/web/other", "", "").0, 404);
    assert_eq!(page.ask("POST", "/web/login", "", "{").0, 400);
    assert_eq!(page.ask("POST", "/web/login", "", &"x".repeat(5000)).0, 413, "strangers send little");
    assert_eq!(page.log_in("admin", "wrong"), None);
    let cookie = page.log_in("admin", "admin").unwrap();
    let (_, _, state) = page.ask("GET", "/web/state", &cookie, "");
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!((&state["device_id"], &state["decided"][0]["verdict"]), (&json!(1_300_001), &json!("remote")));
    assert_eq!(page.ask("GET", "/web/screen.png", &cookie, "").0, 200);
    page.ask("POST", "/web/logout", &cookie, "");
    assert_eq!(page.state("", &cookie), 401);
}

#[test]
fn a_login_ends_after_the_time_without_activity() {
    let page = Page::new();
    page.rig.ok("SetSysCfg", json!({ "WebTimeOut": 2 }));
    // What the page did after how many seconds, and whether it is still let in.
    let rows: [(&[(u64, &str)], u16); 5] = [
        (&[(119, "")], 200),
        (&[(120, "")], 401),
        (&[(100, "?active"), (100, "")], 200),
        (&[(100, ""), (100, "")], 401),
        (&[(100, "?active"), (100, "?active"), (119, "")], 200),
    ];
    for (steps, expect) in rows {
        let cookie = page.log_in("admin", "admin").unwrap();
        let mut status = 0;
        for (seconds, query) in steps {
            page.pass(*seconds);
            status = page.state(query, &cookie);
        }
        assert_eq!(status, expect, "{steps:?}");
    }
    let cookie = page.log_in("admin", "admin").unwrap();
    page.rig.ok("SetUserPwd", json!({ "User": "admin", "Pwd": "another" }));
    assert_eq!(page.state("", &cookie), 401, "a new password ends every login");
}
