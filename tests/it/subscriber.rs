//! A platform: a real HTTP server that receives pushes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tiny_http::{Response, Server};

use crate::rig::Rig;

/// One received request.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// A platform that writes down what it gets and answers `reply`.
pub struct Subscriber {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stopped: Arc<AtomicBool>,
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
}

impl Subscriber {
    pub fn start(address: &str, reply: &'static str) -> Self {
        // A predecessor on the same port may take a moment to let go of it.
        let server = (0..).find_map(|attempt| match Server::http(address) {
            Ok(server) => Some(server),
            Err(error) if attempt > 200_000 => panic!("{address}: {error}"),
            Err(_) => {
                std::thread::yield_now();
                None
            }
        });
        let server = Arc::new(server.unwrap());
        let address = server.server_addr().to_ip().unwrap();
        let (received, stopped) = (Arc::<Mutex<Vec<Received>>>::default(), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (server, received, stopped) = (server.clone(), received.clone(), stopped.clone());
            move || {
                for mut request in server.incoming_requests() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    let mut text = String::new();
                    request.as_reader().read_to_string(&mut text).unwrap();
                    let headers =
                        request.headers().iter().map(|h| (h.field.to_string(), h.value.to_string())).collect();
                    let body = serde_json::from_str(&text).unwrap();
                    received.lock().unwrap().push(Received { path: request.url().to_owned(), headers, body });
                    let _ = request.respond(Response::from_string(reply));
                }
            }
        });
        Self { address, received, stopped, server, thread: Some(thread) }
    }

    pub fn events(&self) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|r| r.body["operator"] != "HeartBeat").cloned().collect()
    }

    pub fn heartbeats(&self) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|r| r.body["operator"] == "HeartBeat").cloned().collect()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub const OK: &str = r#"{"code":200,"desc":"OK"}"#;

pub fn subscribe(rig: &Rig, address: SocketAddr, topics: &[&str], resume: i32, more: Value) {
    let mut info = json!({
        "DeviceID": rig.app().device_id(), "Num": topics.len(), "Topics": topics,
        "SubscribeAddr": format!("http://{address}"),
        "SubscribeUrl": { "Snap": "/Subscribe/Snap", "Verify": "/Subscribe/Verify", "HeartBeat": "/Subscribe/heartbeat",
                          "QRCode": "/Subscribe/QRCode", "Card": "/Subscribe/Card", "PassWord": "/Subscribe/PassWord",
                          "IDCard": "/Subscribe/IDCard" },
        "BeatInterval": 30, "ResumefromBreakpoint": resume, "Auth": "none",
    });
    for (key, value) in more.as_object().unwrap() {
        info[key] = value.clone();
    }
    rig.ok("Subscribe", &json!({ "operator": "Subscribe", "info": info }));
}
