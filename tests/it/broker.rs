//! A real MQTT broker (mosquitto) and a platform at it.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rumqttc::{Client, Event, MqttOptions, NetworkOptions, Packet, QoS};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rig::Rig;

/// A broker of its own; it goes with the value.
pub struct Broker {
    pub port: u16,
    process: Child,
    folder: TempDir,
}

impl Broker {
    /// `None`, plainly said, where mosquitto is not installed.
    pub fn start() -> Option<Self> {
        Self::at(free_port(), "")
    }

    /// The same on a port, with further lines of configuration; `@` is the folder they may keep files in.
    pub fn at(port: u16, more: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        Self::in_folder(folder, port, more)
    }

    pub fn in_folder(folder: TempDir, port: u16, more: &str) -> Option<Self> {
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].into_iter().find(|path| Path::new(path).exists());
        let Some(program) = program else {
            crate::material::skipped!("mosquitto is not installed");
            return None;
        };
        let more = more.replace('@', &folder.path().display().to_string());
        let config =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nset_tcp_nodelay true\n{more}\n");
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let process = Command::new(program)
            .arg("-c")
            .arg(folder.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut attempts = 0_u32;
        while TcpStream::connect_timeout(&at, Duration::from_secs(1)).is_err() {
            attempts += 1;
            assert!(attempts < 2_000_000, "mosquitto does not listen");
            std::thread::yield_now();
        }
        Some(Self { port, process, folder })
    }

    /// Ends it; its folder can start another.
    pub fn stop(self) -> TempDir {
        let mut broker = self;
        std::mem::replace(&mut broker.folder, TempDir::new().unwrap())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    // The system may offer one again that another test is about to use.
    static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if TAKEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}

/// What a platform answers to a push.
pub type Answer = Box<dyn FnMut(&str, &Value) -> Option<Value> + Send>;

/// A platform: hears everything, answers what it is told to.
pub struct Platform {
    client: Client,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Platform {
    /// `answer` is given each message and says what to publish on the terminal's topic.
    pub fn start(port: u16, topic: &'static str, mut answer: Answer) -> Self {
        let mut options = MqttOptions::new(format!("platform-{}", free_port()), "127.0.0.1", port);
        options.set_max_packet_size(8 << 20, 8 << 20);
        let (client, mut connection) = Client::new(options, 64);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.eventloop.set_network_options(network);
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        let heard = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn({
            let (client, heard) = (client.clone(), heard.clone());
            move || {
                for event in connection.iter() {
                    match event {
                        Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.send(())),
                        Ok(Event::Incoming(Packet::Publish(publish))) => {
                            let body: Value = serde_json::from_slice(&publish.payload).unwrap_or(Value::Null);
                            let reply = if publish.topic == topic { None } else { answer(&publish.topic, &body) };
                            heard.lock().unwrap().push((publish.topic, body));
                            if let Some(reply) = reply {
                                client.try_publish(topic, QoS::AtLeastOnce, false, reply.to_string()).unwrap();
                            }
                        }
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
            }
        });
        is_ready.recv_timeout(Duration::from_secs(20)).unwrap();
        Self { client, heard, thread: Some(thread) }
    }

    pub fn publish(&self, topic: &str, body: &Value) {
        self.client.publish(topic, QoS::AtLeastOnce, false, body.to_string()).unwrap();
    }

    /// The same, kept by the broker for whoever comes later.
    pub fn leave(&self, topic: &str, body: &Value) {
        self.client.publish(topic, QoS::AtLeastOnce, true, body.to_string()).unwrap();
    }

    /// What came on a topic.
    pub fn on(&self, topic: &str) -> Vec<Value> {
        self.heard.lock().unwrap().iter().filter(|(t, _)| t == topic).map(|(_, body)| body.clone()).collect()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.client.disconnect();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Has the terminal speak to the broker on that port.
pub fn connect(rig: &Rig, port: u16, more: Value) {
    let mut info = json!({ "MQEnable": 1, "MQAddr": "127.0.0.1", "MQPort": port });
    info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rig.ok("SetMQTTParam", &json!({ "info": info }));
}

/// Confirms Online and every record, as a number or as a text.
pub fn confirm_all() -> Answer {
    Box::new(|topic, body| {
        let info = &body["info"];
        match body["operator"].as_str()? {
            "Online" => Some(
                json!({ "operator": "Online-Ack", "info": { "facesluiceId": info["facesluiceId"], "result": "ok" } }),
            ),
            "RecPush" => Some(
                json!({ "operator": "PushAck", "messageId": topic, "info": { "PushAckType": 2, "SnapOrRecordID": info["RecordID"] } }),
            ),
            "StrSnapPush" => {
                let id: u64 = info["SnapID"].as_str()?.parse().ok()?;
                Some(json!({ "operator": "PushAck", "messageId": topic, "info": { "SnapOrRecordID": id } }))
            }
            _ => None,
        }
    })
}

/// Makes a certificate authority and a server's certificate for 127.0.0.1 in a folder; `false` without openssl.
pub fn certificates(folder: &Path) -> bool {
    let run = |arguments: &str| {
        let status = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    std::fs::File::create(folder.join("ext")).unwrap().write_all(b"subjectAltName=IP:127.0.0.1\n").unwrap();
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=test-ca")
        && run("req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=127.0.0.1")
        && run(
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 30 -extfile ext",
        )
}
