//! Subscriptions: what is pushed, where to, how often (3.12, 3.13).

use std::collections::BTreeMap;

use hyper::Uri;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Nothing;
use crate::api::Context;
use crate::api::wire::{Answer, fields};
use crate::bail;
use crate::error::{Error, Fault, Result};
use crate::field::{Flag, Int, LocalTime, Text};
use crate::push::subscriber;
use crate::settings::Subscription;

/// What can be subscribed to (3.12).
pub const TOPICS: [&str; 9] =
    ["Snap", "Verify", "VerifyWithSnap", "VerifyWithReg", "VerifyNoPic", "QRCode", "Card", "PassWord", "IDCard"];
const TOPIC_COUNT: i64 = 9;

/// Has events pushed to a server.
#[derive(Deserialize, JsonSchema)]
#[schemars(extend("required" = ["Topics", "SubscribeAddr", "SubscribeUrl"]))]
pub struct Subscribe {
    /// How many topics; the list itself counts.
    #[serde(rename = "Num", default, deserialize_with = "super::blank")]
    pub number: Option<Value>,
    /// What is pushed: `Snap`, `Verify`, `VerifyWithSnap`, `VerifyWithReg`, `VerifyNoPic`, `QRCode`, `Card`,
    /// `PassWord`, `IDCard`.
    #[serde(rename = "Topics", default)]
    pub topics: Value,
    /// `http://host:port`.
    #[serde(rename = "SubscribeAddr")]
    pub address: Text<255>,
    /// Path by topic, and `HeartBeat`; `Verify` serves every kind of it.
    #[serde(rename = "SubscribeUrl")]
    pub paths: BTreeMap<String, Text<255>>,
    /// Seconds between heartbeats, 30 if not given.
    #[serde(rename = "BeatInterval", default, deserialize_with = "super::blank")]
    pub beat_s: Option<Int<1, 86_400>>,
    /// Whether events are collected and pushed at intervals.
    #[serde(rename = "bTimedPush", default, deserialize_with = "super::blank")]
    pub timed: Option<Flag>,
    /// Seconds between such pushes; needed with `bTimedPush` 1.
    #[serde(rename = "PushInterval", default, deserialize_with = "super::blank")]
    pub push_interval_s: Option<Int<1, 86_400>>,
    /// `none` or `Basic`.
    #[serde(rename = "Auth", default, deserialize_with = "super::blank")]
    pub auth: Option<Text<15>>,
    /// User name; needed with `Auth` `Basic`.
    #[serde(rename = "User", default)]
    pub user: Option<Text<63>>,
    /// Password; needed with `Auth` `Basic`.
    #[serde(rename = "Pwd", default)]
    pub password: Option<Text<63>>,
    /// Whether every event waits for the server's acknowledgement.
    #[serde(rename = "ResumefromBreakpoint", default, deserialize_with = "super::blank")]
    pub resume: Option<Flag>,
    /// Events before this are not pushed; now, if not given.
    #[serde(rename = "BeginTime", default, deserialize_with = "super::blank")]
    pub begin: Option<LocalTime>,
}

pub fn subscribe(cx: &Context, request: Subscribe) -> Result<Answer> {
    check_number(request.number)?;
    let topics = topics(request.topics)?;
    let address = address(request.address.as_str())?;
    let paths = paths(request.paths, &topics)?;
    let push_interval_s = match (request.timed.is_some_and(Flag::on), request.push_interval_s) {
        (false, _) => None,
        (true, Some(seconds)) => Some(seconds.u32()),
        (true, None) => bail!(BadParameter, "PushInterval: is missing, bTimedPush is 1"),
    };
    let auth = request.auth.as_ref().map_or("none", Text::as_str).trim().to_ascii_lowercase();
    let login = match auth.as_str() {
        "none" => None,
        "basic" => {
            let given = |name: &str, text: Option<Text<63>>| match text.map(Text::into_string) {
                Some(text) if !text.is_empty() => Ok(text),
                _ => Err(Error::new(Fault::BadParameter, format!("{name}: is missing, Auth is Basic"))),
            };
            Some((given("User", request.user)?, given("Pwd", request.password)?))
        }
        _ => bail!(BadParameter, "Auth: {auth:?} is neither none nor Basic"),
    };
    let resume = request.resume.is_some_and(Flag::on);
    let beat_s = request.beat_s.map_or(30, Int::u32);
    let new =
        Subscription { generation: 0, topics, address, paths, beat_s, push_interval_s, login, resume, begin: None };
    subscriber::subscribe(&cx.store, &cx.settings, new, request.begin, cx.now())?;
    Ok(Answer::Done)
}

fn check_number(number: Option<Value>) -> Result<()> {
    if let Some(number) = number {
        serde_json::from_value::<Int<1, TOPIC_COUNT>>(number)
            .map_err(|e| Error::new(Fault::BadNum, format!("Num: {e}")))?;
    }
    Ok(())
}

/// The topics of a list, each once; the document's own example has a blank before one of them.
fn topics(list: Value) -> Result<Vec<String>> {
    let list = match list {
        Value::Array(list) if !list.is_empty() => list,
        Value::String(one) if !one.trim().is_empty() => vec![Value::String(one)],
        _ => bail!(BadTopics, "Topics: a list of at least one topic is needed"),
    };
    let mut topics: Vec<String> = Vec::new();
    for topic in list {
        let Some(topic) = topic.as_str().map(str::trim) else { bail!(BadTopics, "Topics: texts are needed") };
        if !TOPICS.contains(&topic) {
            let topic: String = topic.chars().take(32).collect();
            bail!(UnknownTopic, "Topics: {topic:?} is none of {}", TOPICS.join(", "));
        }
        if !topics.iter().any(|known| known == topic) {
            topics.push(topic.to_owned());
        }
    }
    Ok(topics)
}

/// `http://host[:port]`, without the slash some platforms put behind it.
fn address(given: &str) -> Result<String> {
    let trimmed = given.trim().trim_end_matches('/');
    let wrong = || Error::new(Fault::BadParameter, "SubscribeAddr: an address like http://192.168.2.11:8080 is needed");
    let uri: Uri = trimmed.parse().map_err(|_| wrong())?;
    let authority = uri.authority().filter(|a| !a.host().is_empty() && !a.as_str().contains('@')).ok_or_else(wrong)?;
    // An authority may end in a colon, or in a port that is no number.
    let port_is_sound = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => true,
        _ => authority.port_u16().is_some_and(|port| port != 0),
    };
    if !matches!(uri.scheme_str(), Some("http" | "https"))
        || uri.path() != "/"
        || uri.query().is_some()
        || !port_is_sound
    {
        return Err(wrong());
    }
    Ok(trimmed.to_owned())
}

/// Paths by topic; one for every topic must be there.
fn paths(given: BTreeMap<String, Text<255>>, topics: &[String]) -> Result<BTreeMap<String, String>> {
    const MOST: usize = 32;
    if given.len() > MOST {
        bail!(BadParameter, "SubscribeUrl: more than {MOST} paths");
    }
    let mut paths = BTreeMap::new();
    for (topic, path) in given {
        let path = path.as_str().trim();
        if path.is_empty() {
            continue;
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        paths.insert(topic, path);
    }
    for topic in topics {
        if !(paths.contains_key(topic) || topic.starts_with("Verify") && paths.contains_key("Verify")) {
            bail!(BadParameter, "SubscribeUrl: has no path for {topic}");
        }
    }
    Ok(paths)
}

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    let subscription = &cx.settings.now().subscription;
    if subscription.topics.is_empty() {
        return fields(json!({ "Num": 0 })).map(Answer::Data);
    }
    let mut info = fields(json!({
        "Num": subscription.topics.len(),
        "Topics": subscription.topics,
        "SubscribeAddr": subscription.address,
        "SubscribeUrl": subscription.paths,
        "BeatInterval": subscription.beat_s,
        "ResumefromBreakpoint": u8::from(subscription.resume),
        "BeginTime": cx.push.caught_up().or(subscription.begin).unwrap_or(LocalTime::UNSET),
        "bTimedPush": u8::from(subscription.push_interval_s.is_some()),
    }))?;
    let mut put = |name: &str, value: Value| {
        info.insert(name.into(), value);
    };
    if let Some(seconds) = subscription.push_interval_s {
        put("PushInterval", seconds.into());
    }
    match &subscription.login {
        None => put("Auth", "none".into()),
        // The document's answer shows the password of the platform's own server.
        Some((user, password)) => {
            put("Auth", "Basic".into());
            put("User", user.as_str().into());
            put("Pwd", password.as_str().into());
        }
    }
    Ok(Answer::Data(info))
}

/// Ends the pushing of some topics.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["Topics"]))]
pub struct Unsubscribe {
    /// How many topics; the list itself counts.
    #[serde(rename = "Num", default, deserialize_with = "super::blank")]
    pub number: Option<Value>,
    /// What is no longer pushed.
    #[serde(rename = "Topics", default)]
    pub topics: Value,
}

pub fn unsubscribe(cx: &Context, request: Unsubscribe) -> Result<Answer> {
    check_number(request.number)?;
    let ended = topics(request.topics)?;
    cx.settings.change::<Subscription>(|subscription| {
        subscription.topics.retain(|topic| !ended.contains(topic));
        if subscription.topics.is_empty() {
            *subscription = Subscription { generation: subscription.generation, ..Subscription::default() };
        }
        Ok(())
    })?;
    Ok(Answer::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_a_server_and_nothing_else() {
        for (given, expect) in [
            ("http://192.168.2.11:8080", Some("http://192.168.2.11:8080")),
            ("http://192.168.2.11:8080/", Some("http://192.168.2.11:8080")),
            (" https://platform.example ", Some("https://platform.example")),
            ("http://[::1]:80", Some("http://[::1]:80")),
            ("192.168.2.11:8080", None),
            ("ftp://host", None),
            ("http://", None),
            ("http://host/path", None),
            ("http://host?x=1", None),
            ("http://host:port", None),
            ("http://host:99999", None),
            ("http://u:p@host", None),
            ("", None),
        ] {
            assert_eq!(address(given).ok().as_deref(), expect, "{given}");
        }
    }

    #[test]
    fn every_topic_needs_a_path() {
        let paths = |given: &[(&str, &str)], topics: &[&str]| {
            let given = given.iter().map(|(t, p)| ((*t).to_owned(), Text::new(*p).unwrap())).collect();
            super::paths(given, &topics.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>())
        };
        assert!(paths(&[("Verify", "/v")], &["VerifyWithSnap"]).is_ok());
        assert!(paths(&[("VerifyWithSnap", "v")], &["VerifyWithSnap"]).is_ok_and(|p| p["VerifyWithSnap"] == "/v"));
        assert!(paths(&[("Verify", "/v")], &["Snap"]).is_err());
        assert!(paths(&[("Snap", " ")], &["Snap"]).is_err());
    }
}
