//! The connection to the MQTT server: made, kept, and made again; the terminal's topic, and signs of life.
//!
//! Two threads: one runs the connection and hands what comes in on, one says Online until the platform confirms it, and
//! beats. Sessions are clean and pushes go at QoS 0, as terminals in the field do it: a command that waited at the
//! server while the terminal was away opens no door hours later, and what must arrive is confirmed by the platform
//! (`sink`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Packet, QoS, SubscribeReasonCode,
    TlsConfiguration, Transport,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tracing::{info, warn};

use super::answering::Incoming;
use super::message;
use super::sink::{Queue, Receipts};
use crate::api::lenient;
use crate::clock::{Bell, Mono, Outbound, lock};
use crate::control::decisions::Decisions;
use crate::error::{Error, Fault, Result};
use crate::hal::Host;
use crate::push::RETRY;
use crate::push::heartbeat::address;
use crate::push::message::Author;
use crate::settings::{Mqtt, MqttMore};

/// Largest packet that is taken from the server; above the protocol's 1 MB, so that it can be answered.
const LARGEST_IN: usize = 4 << 20;
/// Largest packet that is sent: a record with its picture.
const LARGEST_OUT: usize = 4 << 20;
/// Packets waiting to be sent; beyond that the connection is not keeping up.
const MOST_WAITING: usize = 64;
/// Commands waiting to be answered; beyond that they are dropped, as a platform waits for each answer.
const MOST_COMMANDS: usize = 64;
/// How long a last word may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often it is looked whether commands are answered.
const LOOK: Duration = Duration::from_millis(20);
/// The port on which servers speak TLS.
const TLS_PORT: i64 = 8883;

/// The way out over the connection, for whoever has something to say.
#[derive(Debug, Default)]
pub struct Link {
    state: Mutex<State>,
    /// Rung when the connection comes up, is confirmed, or goes.
    bell: Bell,
}

#[derive(Debug, Default)]
struct State {
    client: Option<AsyncClient>,
    /// Counts connections.
    session: u64,
    /// The platform has confirmed Online.
    welcomed: bool,
}

impl Link {
    /// Publishes at QoS 0, not retained; returns the number of the connection it leaves by.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] without a connection, or when it does not keep up.
    pub fn publish(&self, topic: &str, body: &Value) -> Result<u64> {
        let state = lock(&self.state);
        let Some(client) = &state.client else { crate::bail!(Unavailable, "no connection to the MQTT server") };
        client
            .try_publish(topic, QoS::AtMostOnce, false, body.to_string())
            .map_err(|e| Error::new(Fault::Unavailable, "the MQTT server takes nothing").because(e))?;
        Ok(state.session)
    }

    /// Whether the connection of that number still stands.
    #[must_use]
    pub fn is_up(&self, session: u64) -> bool {
        let state = lock(&self.state);
        state.client.is_some() && state.session == session
    }

    /// The number of the connection, and whether the platform has confirmed it; `None` without one.
    fn session(&self) -> Option<(u64, bool)> {
        let state = lock(&self.state);
        state.client.as_ref().map(|_| (state.session, state.welcomed))
    }

    fn up(&self, client: AsyncClient) {
        let mut state = lock(&self.state);
        *state = State { client: Some(client), session: state.session + 1, welcomed: false };
        drop(state);
        self.bell.ring();
    }

    /// Returns the number of the last connection there was.
    fn down(&self) -> Option<u64> {
        let mut state = lock(&self.state);
        state.client = None;
        self.bell.ring();
        (state.session > 0).then_some(state.session)
    }

    fn welcome(&self) {
        lock(&self.state).welcomed = true;
        self.bell.ring();
    }
}

/// Tells a connection that settings have changed, or that it is to end.
#[derive(Clone, Debug)]
pub struct Wake {
    bell: Bell,
    change: watch::Sender<()>,
}

impl Default for Wake {
    fn default() -> Self {
        Self { bell: Bell::default(), change: watch::Sender::new(()) }
    }
}

impl Wake {
    /// Has the connection look again.
    pub fn ring(&self) {
        self.change.send_replace(());
        self.bell.ring();
    }
}

/// Keeps the connection.
#[derive(Debug)]
pub struct Connection {
    /// Settings and time.
    pub author: Author,
    /// The machine, for its address.
    pub host: Arc<dyn Host>,
    /// Runs the connection.
    pub runtime: tokio::runtime::Handle,
    /// The certificates the server is held to, PEM; where the file is there, TLS is spoken.
    pub ca_file: PathBuf,
    /// What others publish by.
    pub link: Arc<Link>,
    /// Where confirmations go.
    pub receipts: Arc<Receipts>,
    /// Where commands go.
    pub commands: Outbound<Incoming>,
    /// How many of them wait.
    pub waiting: Arc<AtomicUsize>,
    /// Where it is said that the connection came or went.
    pub decisions: Arc<Decisions>,
    /// Changed settings, and the end.
    pub wake: Wake,
    /// Whether it is to end.
    pub stopped: AtomicBool,
}

/// Why a connection ended.
enum End {
    /// Settings have changed, or the terminal stops.
    Wanted,
    /// The server is not reached, or has gone.
    Lost(String),
}

impl Connection {
    /// Keeps the connection until [`Connection::stop`].
    pub fn run(&self) {
        // What was last said to be wrong.
        let mut told = None;
        let mut session = None;
        while !self.is_stopped() {
            let settings = self.author.settings.now();
            let wanted = (settings.mqtt.clone(), settings.mqtt_more.clone());
            if !wanted.0.is_on() {
                self.author.clock.wait(&self.wake.bell, None);
                continue;
            }
            let started = self.author.clock.mono();
            let end = self.hold(&wanted.0, &wanted.1);
            // What was wrong before a connection that stood may be said again.
            let held = self.link.down();
            if held > session {
                (told, session) = (None, held);
            }
            self.receipts.bell.ring();
            let End::Lost(why) = end else { continue };
            // Once for each cause: a server that stays away must not fill the log.
            if told.as_ref() != Some(&why) {
                warn!(server = wanted.0.server.as_str(), why, "no connection to the MQTT server, trying every 10 s");
                self.note("lost", Some(&why));
                told = Some(why);
            }
            self.pause(started.after(RETRY), &wanted);
        }
    }

    /// Ends it; the server is told Offline.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.wake.ring();
        self.link.bell.ring();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn note(&self, state: &str, why: Option<&str>) {
        let mut more = Map::new();
        more.insert("state".into(), state.into());
        if let Some(why) = why {
            more.insert("why".into(), why.into());
        }
        self.decisions.tell(self.author.now(), "mqtt", more);
    }

    fn has_changed(&self, wanted: &(Mqtt, MqttMore)) -> bool {
        let settings = self.author.settings.now();
        self.is_stopped() || settings.mqtt.differs_in_connection(&wanted.0) || settings.mqtt_more != wanted.1
    }

    fn pause(&self, until: Mono, wanted: &(Mqtt, MqttMore)) {
        while self.author.clock.mono() < until && !self.has_changed(wanted) {
            self.author.clock.wait(&self.wake.bell, Some(until));
        }
    }

    /// Makes a connection and keeps it until it is lost or no longer wanted.
    fn hold(&self, mqtt: &Mqtt, more: &MqttMore) -> End {
        let options = match self.options(mqtt, more) {
            Ok(options) => options,
            Err(error) => return End::Lost(error.to_string()),
        };
        let (client, mut events) = AsyncClient::new(options, MOST_WAITING);
        let mut network = NetworkOptions::new();
        // A record must not wait for the one before it to be received.
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        let topic = mqtt.topic(self.author.device_id);
        let wanted = (mqtt.clone(), more.clone());
        let mut change = self.wake.change.subscribe();
        // What changed before is not heard any more.
        if self.has_changed(&wanted) {
            return End::Wanted;
        }
        self.runtime.block_on(async {
            loop {
                let event = tokio::select! {
                    event = events.poll() => event,
                    _ = change.changed() => {
                        if self.has_changed(&wanted) {
                            self.finish(&mut events).await;
                            self.leave(&client, &mut events, mqtt, more).await;
                            return End::Wanted;
                        }
                        continue;
                    }
                };
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        if client.try_subscribe(&topic, QoS::AtLeastOnce).is_err() {
                            return End::Lost("the subscription cannot be sent".to_owned());
                        }
                    }
                    // Only now commands and confirmations arrive.
                    Ok(Event::Incoming(Packet::SubAck(answer))) => {
                        if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                            return End::Lost(format!("the server refuses the topic {topic}"));
                        }
                        info!(server = mqtt.server.as_str(), topic, "connected to the MQTT server");
                        self.link.up(client.clone());
                        self.note("connected", None);
                    }
                    // One the server has kept would be carried out at every connection anew.
                    Ok(Event::Incoming(Packet::Publish(publish))) if publish.retain => {
                        warn!(topic = publish.topic, "a retained command is passed over");
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) if publish.topic == topic => {
                        self.take(publish.payload.to_vec(), mqtt);
                    }
                    Ok(_) => {}
                    Err(error) => return End::Lost(error.to_string()),
                }
            }
        })
    }

    /// Lets the command that changed something be answered by the connection it came over.
    async fn finish(&self, events: &mut EventLoop) {
        let answered = async {
            while self.waiting.load(Ordering::Relaxed) > 0 {
                if let Ok(Err(_)) = tokio::time::timeout(LOOK, events.poll()).await {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, answered).await;
    }

    /// Says Offline and goes.
    async fn leave(&self, client: &AsyncClient, events: &mut EventLoop, mqtt: &Mqtt, more: &MqttMore) {
        let id = mqtt.id(self.author.device_id);
        let offline = message::offline(&id, Some(self.author.now())).to_string();
        let said = client.try_publish(more.online_topic.as_str(), QoS::AtMostOnce, false, offline);
        if said.is_ok() && client.try_disconnect().is_ok() {
            // Polling sends both; the end of the connection is an error of it.
            let gone = async { while events.poll().await.is_ok() {} };
            let _ = tokio::time::timeout(FAREWELL, gone).await;
        }
    }

    fn options(&self, mqtt: &Mqtt, more: &MqttMore) -> Result<MqttOptions> {
        let id = mqtt.id(self.author.device_id);
        let will = message::offline(&id, None).to_string();
        let port = u16::try_from(mqtt.port.get()).unwrap_or(1883);
        let mut options = MqttOptions::new(id, mqtt.server.as_str(), port);
        options
            .set_clean_session(true)
            .set_keep_alive(Duration::from_secs(more.keep_alive_s.get().unsigned_abs()))
            .set_max_packet_size(LARGEST_IN, LARGEST_OUT)
            .set_last_will(LastWill::new(more.online_topic.as_str(), will, QoS::AtMostOnce, false));
        if !(mqtt.user.as_str().is_empty() && mqtt.password.as_str().is_empty()) {
            options.set_credentials(mqtt.user.as_str(), mqtt.password.as_str());
        }
        if let Some(tls) = self.tls(mqtt)? {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(tls))));
        }
        Ok(options)
    }

    /// How the server is to prove itself: by the certificates of the file where it is there; on the port of TLS by the
    /// public ones without it; elsewhere not at all.
    fn tls(&self, mqtt: &Mqtt) -> Result<Option<rustls::ClientConfig>> {
        let mut roots = rustls::RootCertStore::empty();
        // A file that cannot be looked at is no reason to speak in clear.
        if self.ca_file.try_exists().map_err(|e| bad_ca(&self.ca_file, e))? {
            for certificate in certificates(&self.ca_file)? {
                roots.add(certificate).map_err(|e| bad_ca(&self.ca_file, e))?;
            }
            if roots.is_empty() {
                return Err(bad_ca(&self.ca_file, "it has no certificate"));
            }
        } else if mqtt.port.get() == TLS_PORT {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        } else {
            return Ok(None);
        }
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(Fault::Unavailable, "TLS").because(e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Some(config))
    }

    /// Takes what the platform says on the terminal's topic: confirmations at once, commands to those who answer them.
    fn take(&self, packet: Vec<u8>, mqtt: &Mqtt) {
        let id = mqtt.id(self.author.device_id);
        let told = lenient::read(&packet).ok();
        let text = |value: &Value| value.as_str().map(str::trim).map(str::to_owned);
        let operator =
            told.as_ref().and_then(|told| told.get("operator").or_else(|| told.get("Operator"))).and_then(text);
        match (operator.as_deref(), &told) {
            (Some("Online-Ack"), _) => self.link.welcome(),
            (Some("PushAck"), Some(told)) => {
                let info = told.get("info").unwrap_or(&Value::Null);
                let kind = info.get("PushAckType");
                let Some(number) = info.get("SnapOrRecordID").filter(|id| self::number(id).is_some()) else {
                    warn!("a PushAck without SnapOrRecordID confirms nothing");
                    return;
                };
                let queue = match kind.and_then(self::number) {
                    Some(1) => Some(Queue::Snap),
                    Some(2) => Some(Queue::Record),
                    _ => None,
                };
                if let Some(id) = self::number(number) {
                    self.receipts.confirm(queue, id);
                }
                let message_id = told.get("messageId").cloned().unwrap_or_else(|| "".into());
                let answer = message::confirmed(&id, &message_id, kind, number);
                let topic = format!("{}/Ack", mqtt.topic(self.author.device_id));
                if let Err(error) = self.link.publish(&topic, &answer) {
                    info!(%error, "a confirmation goes unanswered");
                }
            }
            _ => {
                if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_COMMANDS {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    warn!("too many commands over MQTT wait, one is dropped");
                    return;
                }
                self.commands.send(Incoming::Packet(packet, self.author.clock.mono()));
            }
        }
    }

    /// Says Online until the platform confirms it, and beats; until [`Connection::stop`].
    pub fn beat(&self) {
        let clock = &self.author.clock;
        let (mut current, mut online_due, mut beat_due) = (0, Mono::default(), Mono::default());
        while !self.is_stopped() {
            let Some((session, welcomed)) = self.link.session() else {
                clock.wait(&self.link.bell, None);
                continue;
            };
            let settings = self.author.settings.now();
            let (mqtt, more) = (&settings.mqtt, &settings.mqtt_more);
            let now = clock.mono();
            let every = Duration::from_secs(more.heartbeat_s.get().unsigned_abs());
            if session != current {
                (current, online_due, beat_due) = (session, now, now.after(every));
            }
            let id = mqtt.id(self.author.device_id);
            if !welcomed && now >= online_due {
                let address = address(&*self.host, &settings);
                let online = message::online(&id, &settings, self.author.now(), address);
                self.tell(more.online_topic.as_str(), &online);
                online_due = now.after(RETRY);
            }
            if now >= beat_due {
                self.tell(more.heartbeat_topic.as_str(), &message::heartbeat(&id, self.author.now()));
                beat_due = now.after(every);
            }
            let next = if welcomed { beat_due } else { beat_due.min(online_due) };
            clock.wait(&self.link.bell, Some(next));
        }
    }

    fn tell(&self, topic: &str, body: &Value) {
        if let Err(error) = self.link.publish(topic, body) {
            info!(%error, topic, "a sign of life does not leave");
        }
    }
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<std::result::Result<Vec<_>, _>>();
    read().map_err(|e| bad_ca(file, e))
}

fn bad_ca(file: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Fault::Unavailable, format!("{}: {why}; put the CA's certificates there as PEM", file.display()))
}
