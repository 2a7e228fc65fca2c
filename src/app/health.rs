//! What works of this terminal: what a new release has to have working before it stays.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::api::server::Listening;
use crate::camera::Newest;
use crate::clock::{Bell, Clock, Mono};
use crate::condition::Conditions;
use crate::release::trial::{Function, Health};

/// An older picture is none that the camera delivers.
const OLDEST: Duration = Duration::from_secs(20);
/// How long something may take to work before it counts as something that does not.
const SETTLING: Duration = Duration::from_secs(10);
/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(500);
/// How long the API may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A request that needs no login to be refused.
const REQUEST: &[u8] = b"GET /action/GetSysParam HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// How its refusal begins.
const ANSWER: &[u8] = b"HTTP/1.1 401 ";

/// Looks at all functions.
pub(super) struct Sight {
    pub(super) newest: Arc<Newest>,
    pub(super) conditions: Arc<Conditions>,
    pub(super) listening: Arc<Listening>,
    pub(super) clock: Arc<dyn Clock>,
    /// Why people are not in the gallery.
    pub(super) people: Option<String>,
}

impl Sight {
    /// What does not work, once it had a moment for it: right after the start no camera has delivered a picture yet.
    pub(super) fn settled(&self) -> Health {
        let (pause, until) = (Bell::default(), self.clock.mono().after(SETTLING));
        loop {
            let (health, now) = (self.look(), self.clock.mono());
            if health.0.is_empty() || now >= until {
                return health;
            }
            self.clock.wait(&pause, Some(now.after(LOOK)));
        }
    }

    /// What does not work now.
    pub(super) fn look(&self) -> Health {
        let silent =
            self.conditions.silent().into_iter().map(|device| (device, "nothing was heard of it yet".to_owned()));
        let mut lacking = Vec::new();
        for (device, why) in self.conditions.failing().into_iter().chain(silent) {
            if let Some(function) = function_of(&device) {
                lacking.push((function, format!("{device}: {why}")));
            }
        }
        let at = self.newest.get().map(|frame| frame.at);
        if let Some(why) = stale(at, self.clock.mono()) {
            lacking.push((Function::Camera, why));
        }
        if let Some(why) = &self.people {
            lacking.push((Function::People, why.clone()));
        }
        if let Err(error) = self.listening.address().and_then(ask) {
            lacking.push((Function::Api, error.to_string()));
        }
        Health(lacking)
    }
}

/// The function a device belongs to; a terminal does without the others.
fn function_of(device: &str) -> Option<Function> {
    Some(match device {
        "camera" => Function::Camera,
        "face models" => Function::Models,
        "relay" => Function::Lock,
        "exit button" | "door contact" | "tamper contact" | "fire alarm" => Function::Inputs,
        _ => return None,
    })
}

fn stale(picture: Option<Mono>, now: Mono) -> Option<String> {
    match picture {
        None => Some("it has delivered no picture yet".into()),
        Some(at) if now.since(at) > OLDEST => Some(format!("its last picture is {} s old", now.since(at).as_secs())),
        Some(_) => None,
    }
}

/// Asks the API something over its own port, as a platform would.
fn ask(at: SocketAddr) -> std::io::Result<()> {
    // Listening everywhere is listening here.
    let ip = if at.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { at.ip() };
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(ip, at.port()), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer)?;
    if answer == ANSWER { Ok(()) } else { Err(std::io::Error::other("what answers at its port is not the API")) }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_picture_grows_stale() {
        let second = |n: u64| Mono(n * 1_000_000);
        for (at, now, is_stale) in
            [(None, 1, true), (Some(second(0)), 20, false), (Some(second(0)), 21, true), (Some(second(9)), 10, false)]
        {
            assert_eq!(stale(at, second(now)).is_some(), is_stale, "{at:?} {now}");
        }
    }

    #[test]
    fn what_refuses_a_request_without_a_login_is_taken_for_the_api() {
        for (answer, good) in [
            (&b"HTTP/1.1 401 Unauthorized\r\n\r\n"[..], true),
            (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            (b"SSH-2.0-dropbear", false),
            (b"", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let at = listener.local_addr().unwrap();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; REQUEST.len()];
                stream.read_exact(&mut request).unwrap();
                stream.write_all(answer).unwrap();
            });
            assert_eq!(ask(at).is_ok(), good, "{answer:?}");
            server.join().unwrap();
        }
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(ask(gone).is_err());
    }
}
