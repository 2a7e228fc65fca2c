//! The control routes of the simulated terminal: what stands before its camera, what its outputs did.
//!
//! They exist on the `sim` board only, on the API's port and behind its login. Nothing in `vision`,
//! `access`, `api`, `store` or `push` knows of them.

mod readers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::access::WiegandFrame;
use crate::camera::Newest;
use crate::clock::{Clock, Mono, Outbound};
use crate::control::Event;
use crate::control::decisions::Decisions;
use crate::error::{Error, Fault, Result};
use crate::field::LocalTime;
use crate::hal::Host;
use crate::hal::sim::{Lamp, Pulse, World};
use crate::roster::{Recomputed, Roster};
use crate::settings::Live;
use crate::ui::Display;
use crate::vision::{PictureLimits, decode_picture, fit};

/// How long a picture is shown when the caller does not say.
const SHOWN_MS: u64 = 1500;
/// The longest a picture may be shown.
const LONGEST_MS: u64 = 3_600_000;

/// What the routes work on.
#[derive(Debug)]
pub struct Sim {
    /// The pretend devices.
    pub world: Arc<World>,
    /// The machine, for its clock.
    pub host: Arc<dyn Host>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the time zone.
    pub settings: Arc<Live>,
    /// What was decided.
    pub decisions: Arc<Decisions>,
    /// The panel.
    pub display: Arc<Display>,
    /// The camera's picture.
    pub newest: Arc<Newest>,
    /// The way to the control loop.
    pub control: Outbound<Event>,
    /// For the faces on identity cards.
    pub roster: Arc<Roster>,
}

type Reply = Response<Full<Bytes>>;

impl Sim {
    /// Answers a request below `/sim/`; `None` for other paths.
    #[must_use]
    pub fn answer(&self, head: &Parts, body: &Bytes) -> Option<Reply> {
        let (method, path, query) = (head.method.as_str(), head.uri.path(), head.uri.query().unwrap_or(""));
        let route = path.strip_prefix("/sim/")?;
        let reply = match (method, route) {
            ("POST", "frame") => self.frame(query, body).map(|v| json(&v)),
            ("POST", "card") => self.card(body).map(|v| json(&v)),
            ("POST", "pin") => self.pin(body).map(|v| json(&v)),
            ("POST", "qr") => self.qr(query, body).map(|v| json(&v)),
            ("POST", "idcard") => self.id_card(body).map(|v| json(&v)),
            ("POST", "input") => self.input(body).map(|v| json(&v)),
            ("POST", "temperature") => self.temperature(body).map(|v| json(&v)),
            ("POST", "mask") => self.mask(body).map(|v| json(&v)),
            ("POST", "clock") => self.set_clock(body).map(|v| json(&v)),
            ("GET", "door") => Ok(json(&self.door())),
            ("DELETE", "door") => {
                self.world.forget();
                Ok(json(&json!({ "forgotten": true })))
            }
            ("GET", "events") => number(query, "since", 0, u64::MAX).map(|since| self.events(since)),
            ("GET", "stats") => Ok(json(&self.stats())),
            ("GET", "host") => Ok(json(&self.machine())),
            ("GET", "screen.png") => self.screen(),
            _ => return Some(unknown(method, path)),
        };
        Some(reply.unwrap_or_else(|error| failed(StatusCode::BAD_REQUEST, &error.to_string())))
    }

    /// The camera sees the picture for a while, scaled to fit the sensor and centred on black.
    fn frame(&self, query: &str, body: &[u8]) -> Result<Value> {
        let span = number(query, "ms", SHOWN_MS, LONGEST_MS)?;
        let picture = decode_picture(body, PictureLimits::default())?;
        let since = self.decisions.last();
        self.world.show(fit(&picture, self.world.sensor()), Duration::from_millis(span));
        Ok(json!({ "shown_ms": span, "events_since": since }))
    }

    fn set_clock(&self, body: &[u8]) -> Result<Value> {
        let wanted: Value = serde_json::from_slice(body).map_err(|e| Error::from(Fault::NotJson).because(e))?;
        let text = wanted.get("now").and_then(Value::as_str);
        let text = text.ok_or_else(|| Error::new(Fault::BadParameter, "now: is missing"))?;
        let local = LocalTime::parse(text).map_err(|why| Error::new(Fault::BadParameter, format!("now: {why}")))?;
        let ntp = self.settings.now().ntp.clone();
        let moment = ntp.moment(local).ok_or_else(|| Error::new(Fault::BadParameter, "now: is out of range"))?;
        self.host.set_time(moment)?;
        Ok(json!({ "now": ntp.local(self.clock.wall()) }))
    }

    fn door(&self) -> Value {
        let relay: Vec<_> = self.world.relay().iter().map(|c| json!({ "t_us": c.at.0, "closed": c.closed })).collect();
        let wiegand: Vec<_> = self.world.wiegand().iter().map(|pulses| frame_json(pulses)).collect();
        json!({ "relay": relay, "wiegand": wiegand })
    }

    fn events(&self, since: u64) -> Reply {
        let lines: String = self.decisions.lines(since).iter().map(|line| format!("{line}\n")).collect();
        reply("application/x-ndjson", lines.into())
    }

    fn stats(&self) -> Value {
        let (taken, looked_at) = self.newest.counts();
        let Recomputed { people, done, failed, .. } = self.roster.recomputed();
        json!({
            "t_us": self.clock.mono().0, "frames_taken": taken, "frames_looked_at": looked_at,
            "reboots": self.world.reboots(), "pack": self.roster.pack(),
            "recomputed": { "people": people, "done": done, "failed": failed },
            "lamp": self.world.brightness(Lamp::White), "backlight": self.world.brightness(Lamp::Panel),
        })
    }

    /// What was asked of the machine, the network that came into force last at the end.
    fn machine(&self) -> Value {
        let machine = self.world.machine();
        let networks: Vec<_> =
            machine.networks.iter().map(|(network, wifi)| json!({ "network": network, "wifi": wifi })).collect();
        json!({ "reboots": machine.reboots, "times_set": machine.times_set, "networks": networks })
    }

    fn screen(&self) -> Result<Reply> {
        let png = self.display.png()?;
        Ok(reply("image/png", png.into()))
    }
}

/// What to try next, for whoever started it in a terminal window.
#[must_use]
pub fn welcome(at: SocketAddr, device_id: u32, login: &str) -> String {
    let known = if login == "admin:admin" { "user admin, password admin" } else { "the password was changed" };
    format!(
        "\nThe simulated terminal {device_id} listens on http://{at} ({known}).\n\
         Who is it?         curl -u {login} -d '' http://{at}/action/GetSysParam\n\
         Enrol a photo:     (printf '{{\"info\":{{\"Name\":\"Me\",\"CustomizeID\":1}},\"picinfo\":\"'; base64 -w0 me.jpg; printf '\"}}') |\n\
         \x20                    curl -u {login} --data-binary @- http://{at}/action/AddPerson\n\
         Step before it:    curl -u {login} --data-binary @me2.jpg 'http://{at}/sim/frame?ms=1500'; sleep 1\n\
         What was decided:  curl -u {login} 'http://{at}/sim/events?since=0'\n\
         What the door did: curl -u {login} http://{at}/sim/door\n\
         In a browser:      http://{at}/\n\
         The screen:        curl -u {login} -o screen.png http://{at}/sim/screen.png\n\
         Press Ctrl-C to stop it.\n"
    )
}

fn reply(kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

fn json(value: &Value) -> Reply {
    reply("application/json; charset=UTF-8", value.to_string().into())
}

fn failed(status: StatusCode, why: &str) -> Reply {
    let mut reply = json(&json!({ "error": why }));
    *reply.status_mut() = status;
    reply
}

fn unknown(method: &str, path: &str) -> Reply {
    let known = "POST /sim/frame?ms=, /sim/card, /sim/pin, /sim/qr?ms=, /sim/idcard, /sim/input, \
                 /sim/temperature, /sim/mask, /sim/clock, GET and DELETE /sim/door, GET /sim/events?since=, \
                 GET /sim/stats, GET /sim/host, GET /sim/screen.png";
    failed(StatusCode::NOT_FOUND, &format!("no {method} {path}; there are {known}"))
}

/// A number of the query string, with a default and a maximum.
fn number(query: &str, name: &str, default: u64, most: u64) -> Result<u64> {
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let Some((_, text)) = value else { return Ok(default) };
    text.parse()
        .ok()
        .filter(|n| *n <= most)
        .ok_or_else(|| Error::new(Fault::BadParameter, format!("{name}: {text:?} is no number from 0 to {most}")))
}

/// A frame read back from its waveform, as a door controller would.
fn frame_json(pulses: &[Pulse]) -> Value {
    let bits = u32::try_from(pulses.len()).unwrap_or(u32::MAX);
    let value = pulses.iter().take(64).fold(0, |value, pulse| value << 1 | u64::from(pulse.line));
    let frame = WiegandFrame { bits, value };
    let data_bits = bits.saturating_sub(2);
    let data = if data_bits == 0 { 0 } else { value >> 1 & (u64::MAX >> 64_u32.saturating_sub(data_bits)) };
    let number_bits = data_bits.saturating_sub(8);
    let lines: Vec<_> = pulses
        .iter()
        .map(|p| json!({ "line": p.line, "t_us": p.at.0, "width_us": u64::try_from(p.width.as_micros()).unwrap_or(u64::MAX) }))
        .collect();
    json!({
        "t_us": pulses.first().map_or(Mono::default(), |p| p.at).0,
        "bits": bits,
        "value": format!("0x{data:0digits$X}", digits = data_bits.div_ceil(4) as usize),
        "facility": data.checked_shr(number_bits).unwrap_or(0),
        "card": data & 1_u64.checked_shl(number_bits).unwrap_or(0).wrapping_sub(1),
        "parity_ok": frame.data().is_some(),
        "pulses": lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Card, CardFormat};
    use crate::settings::WiegandProtocol;

    #[test]
    fn a_waveform_reads_back_as_the_card() {
        let card = Card::new(CardFormat::W34Split, Some(0x9A), 0x01_8B2D).unwrap();
        for (protocol, bits, value, facility, number) in [
            (WiegandProtocol::W34FacilitySplit, 34, "0x9A018B2D", 0x9A, 0x01_8B2D),
            (WiegandProtocol::W26FacilitySplit, 26, "0x9A8B2D", 0x9A, 0x8B2D),
        ] {
            let pulse = |one| Pulse { line: u8::from(one), at: Mono(5), width: Duration::from_micros(100) };
            let pulses: Vec<_> = WiegandFrame::of_card(card, protocol).pulses().map(pulse).collect();
            let mut read = frame_json(&pulses);
            read["pulses"].take();
            assert_eq!(
                read,
                json!({ "t_us": 5, "bits": bits, "value": value, "facility": facility, "card": number,
                        "parity_ok": true, "pulses": null })
            );
        }
        assert_eq!(frame_json(&[])["parity_ok"], false);
    }
}
