//! Subscriptions (3.12, 3.13).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Nothing;
use crate::api::Context;
use crate::api::wire::Answer;
use crate::error::{Error, Fault, Result};
use crate::field::{Flag, Int, LocalTime, Text, blank};
use crate::push;
use crate::settings::Subscription;

/// Every topic of the document.
const TOPICS: [&str; 9] =
    ["Snap", "Verify", "VerifyWithSnap", "VerifyWithReg", "VerifyNoPic", "QRCode", "Card", "PassWord", "IDCard"];
/// Seconds between heartbeats when nothing else is said.
const BEAT_S: u32 = 30;

/// What a platform wants to be told, and where.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Subscribe {
    /// How many topics; the list itself is what counts.
    #[serde(rename = "Num", default, deserialize_with = "blank")]
    pub num: Option<Int<1, 9>>,
    /// Topics.
    #[serde(rename = "Topics")]
    pub topics: Option<Vec<String>>,
    /// `http://host:port`.
    #[serde(rename = "SubscribeAddr")]
    pub address: Text<256>,
    /// Path by topic; every kind of verification may use that of `Verify`.
    #[serde(rename = "SubscribeUrl")]
    pub paths: BTreeMap<String, Text<256>>,
    /// Seconds between heartbeats, 30 if absent.
    #[serde(rename = "BeatInterval", default, deserialize_with = "blank")]
    pub beat_s: Option<Int<1, 86_400>>,
    /// Whether events are collected and sent at intervals.
    #[serde(rename = "bTimedPush", default, deserialize_with = "blank")]
    pub timed: Option<Flag>,
    /// Seconds between those, needed then.
    #[serde(rename = "PushInterval", default, deserialize_with = "blank")]
    pub push_interval_s: Option<Int<1, 86_400>>,
    /// `none` or `Basic`.
    #[serde(rename = "Auth", default, deserialize_with = "blank")]
    pub auth: Option<Text<16>>,
    /// User, needed with `Basic`.
    #[serde(rename = "User", default, deserialize_with = "blank")]
    pub user: Option<Text<63>>,
    /// Password, needed with `Basic`.
    #[serde(rename = "Pwd", default, deserialize_with = "blank")]
    pub password: Option<Text<63>>,
    /// Whether events wait for an acknowledgement.
    #[serde(rename = "ResumefromBreakpoint", default, deserialize_with = "blank")]
    pub resume: Option<Flag>,
    /// Events before it are not sent; now if absent.
    #[serde(rename = "BeginTime", default, deserialize_with = "blank")]
    pub begin: Option<LocalTime>,
}

/// Puts a subscription in force, in place of any other.
///
/// # Errors
/// A field that is missing or wrong, or the store.
pub fn subscribe(cx: &Context, request: Subscribe) -> Result<Answer> {
    let topics = topics(request.topics)?;
    let address = request.address.as_str().trim().trim_end_matches('/').to_owned();
    check_address(&address)?;
    let login = match request.auth.as_ref().map_or("none", Text::as_str).to_ascii_lowercase().as_str() {
        "none" => None,
        "basic" => {
            let needed = |name: &str| Error::new(Fault::BadParameter, format!("{name}: needed with Auth Basic"));
            let user = request.user.ok_or_else(|| needed("User"))?.into_string();
            Some((user, request.password.ok_or_else(|| needed("Pwd"))?.into_string()))
        }
        other => crate::bail!(BadParameter, "Auth: {other:?} is neither none nor Basic"),
    };
    let push_interval_s = match (request.timed.is_some_and(Flag::on), request.push_interval_s) {
        (false, _) => None,
        (true, Some(seconds)) => Some(seconds.u32()),
        (true, None) => crate::bail!(BadParameter, "PushInterval: needed with bTimedPush 1"),
    };
    let new = Subscription {
        generation: 0,
        topics,
        address,
        paths: request.paths.into_iter().map(|(topic, path)| (topic, path.into_string())).collect(),
        beat_s: request.beat_s.map_or(BEAT_S, Int::u32),
        push_interval_s,
        login,
        resume: request.resume.is_some_and(Flag::on),
        begin: None,
    };
    push::subscribe(&cx.store, &cx.settings, new, request.begin, cx.local())?;
    Ok(Answer::Done)
}

/// Known topics, without blanks, each once.
fn topics(given: Option<Vec<String>>) -> Result<Vec<String>> {
    let given = given.filter(|topics| !topics.is_empty());
    let given = given.ok_or_else(|| Error::new(Fault::BadTopics, "Topics: is missing or empty"))?;
    let mut topics: Vec<String> = Vec::new();
    for topic in given {
        let topic = topic.trim();
        if !TOPICS.contains(&topic) {
            crate::bail!(UnknownTopic, "Topics: {topic:?} is none of {TOPICS:?}");
        }
        if !topics.iter().any(|t| t == topic) {
            topics.push(topic.to_owned());
        }
    }
    Ok(topics)
}

fn check_address(address: &str) -> Result<()> {
    let wrong =
        || Error::new(Fault::BadParameter, format!("SubscribeAddr: {address:?} is not like http://192.168.2.11:8080"));
    let uri: hyper::Uri = address.parse().map_err(|_| wrong())?;
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme));
    let host = uri.host().filter(|host| !host.is_empty());
    if scheme.is_none() || host.is_none() || uri.query().is_some() {
        return Err(wrong());
    }
    Ok(())
}

/// The subscription in force.
///
/// # Errors
/// None.
pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    let subscription = cx.settings.now().subscription.clone();
    if subscription.topics.is_empty() {
        return Ok(Answer::Data(json!({ "Num": 0 })));
    }
    let begin = cx.push.caught_up().or(subscription.begin).unwrap_or_else(|| cx.local());
    let mut info = Map::new();
    let mut put = |key: &str, value: Value| {
        info.insert(key.to_owned(), value);
    };
    put("Num", subscription.topics.len().into());
    put("Topics", json!(subscription.topics));
    put("SubscribeAddr", subscription.address.into());
    put("SubscribeUrl", json!(subscription.paths));
    put("BeatInterval", subscription.beat_s.into());
    put("bTimedPush", u8::from(subscription.push_interval_s.is_some()).into());
    if let Some(seconds) = subscription.push_interval_s {
        put("PushInterval", seconds.into());
    }
    put("ResumefromBreakpoint", u8::from(subscription.resume).into());
    put("BeginTime", json!(begin));
    match subscription.login {
        None => put("Auth", "none".into()),
        Some((user, password)) => {
            put("Auth", "Basic".into());
            put("User", user.into());
            put("Pwd", password.into());
        }
    }
    Ok(Answer::Data(info.into()))
}

/// Topics no longer wanted.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Unsubscribe {
    /// How many topics; the list itself is what counts.
    #[serde(rename = "Num", default, deserialize_with = "blank")]
    pub num: Option<Int<1, 9>>,
    /// Topics.
    #[serde(rename = "Topics")]
    pub topics: Option<Vec<String>>,
}

/// Ends the topics named; one that was not subscribed is no error.
///
/// # Errors
/// An unknown topic, or the store.
pub fn unsubscribe(cx: &Context, request: Unsubscribe) -> Result<Answer> {
    let gone = topics(request.topics)?;
    cx.settings.change::<Subscription>(|subscription| {
        subscription.topics.retain(|topic| !gone.contains(topic));
        if subscription.topics.is_empty() {
            *subscription = Subscription { generation: subscription.generation, ..Subscription::default() };
        }
        Ok(())
    })?;
    Ok(Answer::Done)
}
