//! The clock after a time server: SNTP version 4 (RFC 4330, the client of RFC 5905) over UDP.
//!
//! An answer is believed when it is one to our question, from a server that is itself in time, and not absurd.
//! How the clock is set is the host's matter. The exchange is ours, not a crate's: it is one packet each way, and
//! it has to go by the terminal's clock, which is not always the system's.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::clock::{Clock, Inbox, Mono};
use crate::control::decisions::Decisions;
use crate::error::{Error, Fault, Result};
use crate::hal::Host;
use crate::settings::{Live, Ntp};

/// How long a server may take, its name being looked up included.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// After a failure; doubled with each further one up to the interval that is set.
const FIRST_RETRY: Duration = Duration::from_secs(15);
/// A clock this little off is left alone: records keep their order.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(20);
/// 2020-01-01: a server that says less does not know the time.
const EARLIEST_S: i64 = 1_577_836_800;
/// Seconds from 1900, where NTP begins, to 1970.
const TO_1970_S: i64 = 2_208_988_800;
const PACKET: usize = 48;

/// Why an answer is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// Not all of it is there.
    #[error("it has {0} bytes")]
    Short(usize),
    /// It is no server's answer.
    #[error("its mode is {0}")]
    Mode(u8),
    /// It is of a version we do not speak.
    #[error("its version is {0}")]
    Version(u8),
    /// It answers another question, or one that was never asked.
    #[error("it answers another question")]
    Originate,
    /// The server wants to be left alone: `DENY`, `RATE` and others.
    #[error("the server refuses: {0}")]
    Kiss(String),
    /// The server itself is not in time.
    #[error("the server is not synchronised")]
    Unsynchronised,
    /// Its time cannot be.
    #[error("its time is absurd")]
    Absurd,
}

/// The question: client mode, version 4. `nonce` stands for our time, which is nobody's business, and comes back.
#[must_use]
pub fn question(nonce: [u8; 8]) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = 4 << 3 | 3;
    packet[40..].copy_from_slice(&nonce);
    packet
}

/// When the server got the question and when it answered.
///
/// # Errors
/// Why the answer cannot be used.
pub fn read(answer: &[u8], nonce: [u8; 8]) -> Result<(Timestamp, Timestamp), Unusable> {
    let Some(packet) = answer.first_chunk::<PACKET>() else { return Err(Unusable::Short(answer.len())) };
    let (leap, version, mode) = (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7);
    if mode != 4 {
        return Err(Unusable::Mode(mode));
    }
    if !(3..=4).contains(&version) {
        return Err(Unusable::Version(version));
    }
    // Before anything else is believed, its refusals too.
    if packet[24..32] != nonce {
        return Err(Unusable::Originate);
    }
    let stratum = packet[1];
    if stratum == 0 {
        return Err(Unusable::Kiss(String::from_utf8_lossy(packet[12..16].trim_ascii_end()).into_owned()));
    }
    if leap == 3 || stratum > 15 {
        return Err(Unusable::Unsynchronised);
    }
    let (received, sent) = (moment(&packet[32..40])?, moment(&packet[40..48])?);
    if sent < received { Err(Unusable::Absurd) } else { Ok((received, sent)) }
}

/// A time of 32 bits of seconds and 32 of fractions. The seconds run over in 2036; small ones lie behind that.
fn moment(bytes: &[u8]) -> Result<Timestamp, Unusable> {
    let bytes: [u8; 8] = bytes.try_into().map_err(|_| Unusable::Absurd)?;
    let number = u64::from_be_bytes(bytes);
    let (seconds, fraction) = (number >> 32, number & 0xFFFF_FFFF);
    let era = if seconds < 0x8000_0000 { 1_i64 << 32 } else { 0 };
    let seconds = i64::try_from(seconds).unwrap_or(0) + era - TO_1970_S;
    let nanos = i32::try_from((fraction * 1_000_000_000) >> 32).unwrap_or(0);
    // All zeros say "not known".
    if number == 0 || seconds < EARLIEST_S {
        return Err(Unusable::Absurd);
    }
    Timestamp::new(seconds, nanos).map_err(|_| Unusable::Absurd)
}

/// How far our clock is behind: `sent` and `back` are our times of question and answer.
fn offset(sent: Timestamp, (received, answered): (Timestamp, Timestamp), back: Timestamp) -> SignedDuration {
    (received.duration_since(sent) + answered.duration_since(back)) / 2
}

/// Settings have changed, or the terminal stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// Look at the settings.
    Settings,
    /// Stop.
    Stop,
}

/// The thread that keeps the clock.
#[derive(Debug)]
pub struct Keeper {
    /// Server and interval.
    pub settings: Arc<Live>,
    /// Sets the clock.
    pub host: Arc<dyn Host>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Told what comes of it.
    pub decisions: Arc<Decisions>,
    /// For the network.
    pub runtime: Handle,
    /// How long a server may take.
    pub patience: Duration,
    /// Wakes it.
    pub inbox: Inbox<Message>,
}

impl Keeper {
    /// Asks at once and then at every interval, as long as that is set, until [`Message::Stop`].
    pub fn run(&self) {
        let mut asked: Option<Ntp> = None;
        let mut failures = 0;
        let mut due = self.clock.mono();
        loop {
            let ntp = self.settings.now().ntp.clone();
            if asked.as_ref().is_none_or(|asked| asks_otherwise(asked, &ntp)) {
                (failures, due) = (0, self.clock.mono());
            }
            asked = Some(ntp.clone());
            let now = self.clock.mono();
            if ntp.enabled.on() && now >= due {
                let every = Duration::from_secs(ntp.interval_h.get().unsigned_abs() * 3600);
                let wait = match self.exchange(&ntp) {
                    Ok(()) => {
                        failures = 0;
                        every
                    }
                    Err(error) => {
                        failures += 1;
                        let wait = retry(failures, every);
                        self.failed(&ntp, &error, wait);
                        wait
                    }
                };
                due = now.after(wait);
            }
            match self.inbox.next(&*self.clock, ntp.enabled.on().then_some(due)) {
                Some(Message::Stop) => return,
                Some(Message::Settings) | None => {}
            }
        }
    }

    /// One question and what comes of it.
    fn exchange(&self, ntp: &Ntp) -> Result<()> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce)
            .map_err(|e| Error::new(Fault::Unavailable, "no randomness").because(e.to_string()))?;
        let server = (ntp.server.as_str(), u16::try_from(ntp.port.get()).unwrap_or(123));
        let asking = self.ask(server, nonce);
        let (sent, times, start) = self
            .runtime
            .block_on(async { timeout(self.patience, asking).await })
            .map_err(|_| Error::new(Fault::Unavailable, "no answer that counts came in time"))??;
        // By the monotonic clock: the wall may have been set meanwhile.
        let back = sent + self.clock.mono().since(start);
        let offset = offset(sent, times, back);
        let set = offset.abs() >= TOLERANCE;
        if set {
            self.host.set_time(self.clock.wall() + offset)?;
        }
        let offset_ms = i64::try_from(offset.as_millis()).unwrap_or(i64::MAX);
        tracing::info!(server = server.0, offset_ms, set, "time compared");
        let mut more = Map::new();
        more.insert("server".into(), server.0.into());
        more.insert("offset_ms".into(), offset_ms.into());
        more.insert("set".into(), set.into());
        self.tell("time_compared", more);
        Ok(())
    }

    /// Our time of asking, the server's times, and the monotonic moment of asking.
    async fn ask(&self, server: (&str, u16), nonce: [u8; 8]) -> Result<(Timestamp, (Timestamp, Timestamp), Mono)> {
        let failed =
            |what: &'static str| move |error: std::io::Error| Error::new(Fault::Unavailable, what).because(error);
        let mut addresses = tokio::net::lookup_host(server).await.map_err(failed("the server is not known"))?;
        let address = addresses.next().ok_or_else(|| Error::new(Fault::Unavailable, "the server has no address"))?;
        let own = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(own).await.map_err(failed("no socket"))?;
        // Connected, it gets answers from that address and port only.
        socket.connect(address).await.map_err(failed("the server cannot be reached"))?;
        let (sent, start) = (self.clock.wall(), self.clock.mono());
        socket.send(&question(nonce)).await.map_err(failed("the question cannot be sent"))?;
        let mut buffer = [0; 512];
        loop {
            let length = socket.recv(&mut buffer).await.map_err(failed("the server does not answer"))?;
            match read(&buffer[..length], nonce) {
                Ok(times) => return Ok((sent, times, start)),
                // Perhaps a stranger's: the server's own may still come.
                Err(why @ Unusable::Originate) => tracing::debug!(%why, "an answer is dropped"),
                Err(why) => return Err(Error::new(Fault::Unavailable, why.to_string())),
            }
        }
    }

    fn failed(&self, ntp: &Ntp, error: &Error, wait: Duration) {
        let server = ntp.server.as_str();
        tracing::warn!(server, %error, cause = ?error.source, retry_s = wait.as_secs(), "the time cannot be compared");
        let more = json!({ "server": server, "error": error.detail, "retry_s": wait.as_secs() });
        self.tell("time_failed", more.as_object().cloned().unwrap_or_default());
    }

    fn tell(&self, event: &'static str, more: Map<String, serde_json::Value>) {
        let now = self.settings.now().ntp.local(self.clock.wall());
        self.decisions.tell(now, event, more);
    }
}

/// The zone is nothing a server is asked.
fn asks_otherwise(a: &Ntp, b: &Ntp) -> bool {
    *a != Ntp { zone: a.zone, ..b.clone() }
}

/// Until the next try after that many failures in a row.
fn retry(failures: u32, every: Duration) -> Duration {
    FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(every)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as Socket;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::Value;

    use super::*;
    use crate::clock::{Bell, ManualClock, SystemClock};
    use crate::field::{Flag, HostName, Int};
    use crate::hal::sim::{SimHost, World};

    /// A good answer to `question` by a server whose clock shows `time`.
    fn answer(question: &[u8], time: &str) -> Vec<u8> {
        let mut packet = vec![0; PACKET];
        packet[0] = 4 << 3 | 4;
        packet[1] = 2;
        packet[24..32].copy_from_slice(&question[40..48]);
        let time: Timestamp = time.parse().unwrap();
        let seconds = u64::try_from((time.as_second() + TO_1970_S).rem_euclid(1 << 32)).unwrap();
        let fraction = (u64::try_from(time.subsec_nanosecond()).unwrap() << 32) / 1_000_000_000;
        for at in [32, 40] {
            packet[at..at + 8].copy_from_slice(&(seconds << 32 | fraction).to_be_bytes());
        }
        packet
    }

    #[test]
    fn only_an_answer_that_counts_is_read() {
        let asked = question([7; 8]);
        assert_eq!((asked[0], &asked[1..40]), (0x23, &[0; 39][..]), "nothing of ours is told");
        let good = answer(&asked, "2026-03-01T04:00:00.25Z");
        let with = |at: usize, byte: u8| {
            let mut packet = good.clone();
            packet[at] = byte;
            packet
        };
        let kiss = [&with(1, 0)[..12], b"RATE", &good[16..]].concat();
        for (packet, expect) in [
            (good[..47].to_vec(), Unusable::Short(47)),
            (with(0, 4 << 3 | 3), Unusable::Mode(3)),
            (with(0, 4 << 3 | 5), Unusable::Mode(5)),
            (with(0, 1 << 3 | 4), Unusable::Version(1)),
            (with(31, 8), Unusable::Originate),
            (kiss, Unusable::Kiss("RATE".into())),
            (with(0, 3 << 6 | 4 << 3 | 4), Unusable::Unsynchronised),
            (with(1, 16), Unusable::Unsynchronised),
            (answer(&asked, "1970-01-01T00:00:00Z"), Unusable::Absurd),
            (answer(&asked, "2019-12-31T23:59:59Z"), Unusable::Absurd),
            ([&good[..40], &[0; 8]].concat(), Unusable::Absurd),
            // It answers before it was asked.
            ([&good[..40], &answer(&asked, "2026-03-01T03:00:00Z")[40..]].concat(), Unusable::Absurd),
        ] {
            assert_eq!(read(&packet, [7; 8]), Err(expect));
        }
        for time in ["2020-01-01T00:00:00Z", "2026-03-01T04:00:00.25Z", "2036-02-07T06:28:15Z", "2036-02-07T06:28:17Z"]
        {
            let moment: Timestamp = time.parse().unwrap();
            assert_eq!(read(&answer(&asked, time), [7; 8]), Ok((moment, moment)), "{time}");
        }
    }

    #[test]
    fn the_way_there_and_back_is_taken_out() {
        let at = |ms: i64| Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap();
        for (sent, server, back, expect) in
            [(0, (1000, 1000), 0, 1000), (0, (50, 60), 110, 0), (100, (50, 60), 210, -100), (0, (5030, 5040), 70, 5000)]
        {
            let found = offset(at(sent), (at(server.0), at(server.1)), at(back));
            assert_eq!(found.as_millis(), expect, "{sent} {server:?} {back}");
        }
    }

    #[test]
    fn failures_wait_longer_and_longer() {
        let every = Duration::from_secs(3600);
        let waits: Vec<_> = (1..=10).map(|n| retry(n, every).as_secs()).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(retry(u32::MAX, every), every);
    }

    type Script = fn(&[u8]) -> Option<Vec<u8>>;

    /// A time server on the loopback; its port and how often it was asked.
    fn server(script: Script) -> (u16, Arc<AtomicUsize>) {
        let socket = Socket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        std::thread::spawn({
            let asked = asked.clone();
            move || {
                let mut buffer = [0; 512];
                while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    asked.fetch_add(1, Ordering::SeqCst);
                    if let Some(packet) = script(&buffer[..length]) {
                        socket.send_to(&packet, from).unwrap();
                    }
                }
            }
        });
        (port, asked)
    }

    struct Rig {
        clock: Arc<ManualClock>,
        world: Arc<World>,
        settings: Arc<Live>,
        decisions: Arc<Decisions>,
        inbox: crate::clock::Outbound<Message>,
        thread: Option<std::thread::JoinHandle<()>>,
        _runtime: tokio::runtime::Runtime,
    }

    impl Rig {
        fn start(patience: Duration) -> Self {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let clock = Arc::new(ManualClock::at("2026-03-01T03:59:00Z".parse().unwrap()));
            let world = World::new(clock.clone(), 8, 8);
            let settings = Live::unkept();
            let decisions = Arc::new(Decisions::default());
            let inbox = Inbox::default();
            let sender = inbox.sender();
            let keeper = Keeper {
                settings: settings.clone(),
                host: Arc::new(SimHost(world.clone())),
                clock: clock.clone(),
                decisions: decisions.clone(),
                runtime: runtime.handle().clone(),
                patience,
                inbox,
            };
            let thread = Some(std::thread::spawn(move || keeper.run()));
            Self { clock, world, settings, decisions, inbox: sender, thread, _runtime: runtime }
        }

        fn follow(&self, port: u16) {
            self.settings
                .change::<Ntp>(|ntp| {
                    let server = HostName::new("127.0.0.1").unwrap();
                    *ntp = Ntp { enabled: Flag::of(1), server, port: Int::new(port.into()).unwrap(), ..ntp.clone() };
                    Ok(())
                })
                .unwrap();
            self.inbox.send(Message::Settings);
        }

        /// The event with this number, once it has happened.
        fn event(&self, number: usize) -> Value {
            let patience = SystemClock::default();
            while patience.mono() < Mono(20_000_000) {
                if let Some(line) = self.decisions.lines(0).get(number - 1) {
                    return line.clone();
                }
                patience.wait(&Bell::default(), Some(patience.mono().after(Duration::from_millis(2))));
            }
            panic!("event {number} does not happen: {:?}", self.decisions.lines(0));
        }
    }

    impl Drop for Rig {
        fn drop(&mut self) {
            self.inbox.send(Message::Stop);
            let ended = self.thread.take().map(std::thread::JoinHandle::join);
            assert!(ended.is_some_and(|ended| ended.is_ok()) || std::thread::panicking());
        }
    }

    #[test]
    fn the_clock_follows_a_server_and_asks_again() {
        let rig = Rig::start(PATIENCE);
        let (port, asked) = server(|question| Some(answer(question, "2026-03-01T04:00:00.5Z")));
        rig.follow(port);
        let first = rig.event(1);
        assert_eq!(
            (&first["event"], &first["offset_ms"], &first["set"]),
            (&json!("time_compared"), &json!(60_500), &json!(true))
        );
        assert_eq!(rig.clock.wall(), "2026-03-01T04:00:00.5Z".parse().unwrap());
        rig.clock.advance(Duration::from_secs(3600));
        assert_eq!(rig.event(2)["offset_ms"], -3_600_000, "this server's clock stands still");
        // Another server is asked at once, a clock in time left alone.
        let (other, _) = server(|question| Some(answer(question, "2026-03-01T04:00:00.515Z")));
        rig.follow(other);
        let third = rig.event(3);
        assert_eq!((&third["offset_ms"], &third["set"]), (&json!(14), &json!(false)));
        assert_eq!((asked.load(Ordering::SeqCst), rig.world.machine().times_set), (2, 2));
    }

    #[test]
    fn a_server_that_cannot_be_believed_sets_nothing() {
        let cases: [(Script, &str); 6] = [
            (|_| None, "no answer that counts came in time"),
            (
                |question| Some(answer(&[question, b"no"].concat()[2..], "2026-03-01T04:00:00Z")),
                "no answer that counts",
            ),
            (
                |question| {
                    let mut packet = answer(question, "2026-03-01T04:00:00Z");
                    packet[0] |= 3 << 6;
                    Some(packet)
                },
                "not synchronised",
            ),
            (
                |question| {
                    let mut packet = answer(question, "2026-03-01T04:00:00Z");
                    packet[1] = 0;
                    packet[12..16].copy_from_slice(b"DENY");
                    Some(packet)
                },
                "refuses: DENY",
            ),
            (|question| Some(answer(question, "1970-01-02T00:00:00Z")), "absurd"),
            (|_| Some(vec![0x24; 20]), "it has 20 bytes"),
        ];
        for (script, expect) in cases {
            let rig = Rig::start(Duration::from_millis(300));
            let (port, asked) = server(script);
            rig.follow(port);
            let first = rig.event(1);
            assert_eq!((&first["event"], &first["retry_s"]), (&json!("time_failed"), &json!(15)));
            assert!(first["error"].as_str().unwrap().contains(expect), "{first}");
            rig.clock.advance(FIRST_RETRY);
            assert_eq!(rig.event(2)["retry_s"], 30);
            assert_eq!((asked.load(Ordering::SeqCst), rig.world.machine().times_set), (2, 0), "{expect}");
        }
    }
}
