//! The terminal's API over the forwarded port, and a platform that its pushes come to.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tiny_http::{Response, Server};

/// Calls an operator; `None` while nobody listens.
pub fn call(port: u16, operator: &str, body: &Value) -> Option<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent
        .post(format!("http://127.0.0.1:{port}/action/{operator}"))
        .header("Authorization", format!("Basic {}", STANDARD.encode("admin:admin")))
        .content_type("application/json")
        .send(body.to_string())
        .ok()?;
    let text = answer.body_mut().read_to_string().ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{operator}: {error}: {text}")))
}

/// The same, which must go well.
pub fn ok(port: u16, operator: &str, info: Value) -> Value {
    let answer = call(port, operator, &json!({ "info": info })).unwrap_or_else(|| panic!("{operator}: no answer"));
    good(operator, answer)
}

/// Enrols a photo.
pub fn enrol(port: u16, photo: &Path, info: Value) -> Value {
    let picture = format!("data:image/jpeg;base64,{}", STANDARD.encode(std::fs::read(photo).unwrap()));
    let answer = call(port, "AddPerson", &json!({ "info": info, "picinfo": picture }));
    good("AddPerson", answer.expect("an answer to AddPerson"))
}

fn good(operator: &str, answer: Value) -> Value {
    assert!(answer["code"].is_null() || answer["code"] == 200, "{operator}: {answer}");
    answer
}

/// A platform on this host that notes what it is sent.
pub struct Platform {
    server: Arc<Server>,
    received: Arc<Mutex<Vec<Value>>>,
    thread: Option<JoinHandle<()>>,
}

impl Platform {
    pub fn start() -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let received = Arc::<Mutex<Vec<Value>>>::default();
        let thread = std::thread::spawn({
            let (server, received) = (server.clone(), received.clone());
            move || {
                for mut request in server.incoming_requests() {
                    let mut text = String::new();
                    request.as_reader().read_to_string(&mut text).unwrap();
                    received.lock().unwrap().push(serde_json::from_str(&text).unwrap());
                    let _ = request.respond(Response::from_string(r#"{"code":200,"desc":"OK"}"#));
                }
            }
        });
        Self { server, received, thread: Some(thread) }
    }

    /// Lets the terminal push its passages here.
    pub fn subscribe(&self, port: u16, device_id: &Value) {
        // The emulator's own network shows the host's loopback under this address.
        let address = format!("http://10.0.2.2:{}", self.server.server_addr().to_ip().unwrap().port());
        let info = json!({
            "DeviceID": device_id, "Num": 1, "Topics": ["Verify"], "SubscribeAddr": address,
            "SubscribeUrl": { "Verify": "/verify", "HeartBeat": "/heartbeat" },
            "BeatInterval": 30, "ResumefromBreakpoint": 0, "Auth": "none",
        });
        ok(port, "Subscribe", info);
    }

    /// The pushes of passages so far.
    pub fn passages(&self) -> Vec<Value> {
        self.received.lock().unwrap().iter().filter(|push| push["operator"] == "VerifyPush").cloned().collect()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
