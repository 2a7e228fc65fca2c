//! The whole API on one screen: each operator with its text, its page of error numbers and its handler.
//!
//! Dispatch, the published description and the tests all read this table; an operator is added here and
//! in one file of `ops`.

use std::fmt;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use super::Context;
use super::codes::{self, Page};
use super::ops::{
    batch, capture, center, control, device, door, factory, general, list, mqtt, network, password, person, picture,
    push, server, settings, signature, sound, subscribe, time, upgrade,
};
use super::wire::{self, Answer, Fields};
use crate::error::Result;
use crate::settings::{Center, Device, Face, Rtsp, ServerBasics, Temperature};

/// One operator.
pub struct Operator {
    /// As in the path.
    pub name: &'static str,
    /// What an answer to it that went well is called; the document names one of them otherwise.
    pub answers_as: &'static str,
    /// What it does, for people.
    pub about: &'static str,
    /// Its error numbers.
    pub page: Page,
    /// The schema of its fields, those of `info` and those beside it.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// A request without `info` is refused.
    pub needs_info: bool,
    /// The document lists a `DeviceID`: one that is given must be right.
    pub checks_device: bool,
    /// May take seconds (pictures, addresses): must not keep quick ones waiting.
    pub slow: bool,
    run: Run,
}

/// A handler whose request type is forgotten.
type Run = Box<dyn Fn(&Context, Fields) -> Result<Answer> + Send + Sync>;

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Operator").field(&self.name).finish()
    }
}

impl Operator {
    /// Does what the fields ask for.
    ///
    /// # Errors
    /// The handler's, or [`crate::error::Fault::BadParameter`] naming a field that cannot be read.
    pub fn run(&self, cx: &Context, fields: Fields) -> Result<Answer> {
        (self.run)(cx, fields)
    }

    const fn info(mut self) -> Self {
        self.needs_info = true;
        self
    }
    const fn device(mut self) -> Self {
        self.checks_device = true;
        self
    }
    const fn answers_as(mut self, name: &'static str) -> Self {
        self.answers_as = name;
        self
    }
    const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }
}

fn op<Q: DeserializeOwned + JsonSchema + 'static>(
    name: &'static str,
    about: &'static str,
    page: Page,
    run: fn(&Context, Q) -> Result<Answer>,
) -> Operator {
    Operator {
        name,
        answers_as: name,
        about,
        page,
        schema: |generator| generator.subschema_for::<Q>(),
        needs_info: false,
        checks_device: false,
        slow: false,
        run: Box::new(move |cx, fields| run(cx, wire::parse(fields)?)),
    }
}

/// Every operator.
#[rustfmt::skip]
pub static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    use codes::{
        BATCH, DELETE, DETECT, EDIT, GENERIC, MANUAL_PUSH, PERSON, PICTURE_SEARCH, SEARCH, SIGNATURE, SIMILARITY,
        SUBSCRIBE, UPGRADE,
    };
    vec![
        // Sound and screen (3.1).
        op("GetSound", "Sounds, tips and the screen's contents in force.", GENERIC, sound::get),
        op("SetSound", "Changes sounds, tips or the screen's contents; what is left out stays.", GENERIC, sound::set).info(),
        op("GetAudio", "Names of the sounds that can be played.", GENERIC, sound::list),
        op("SetAudio", "Plays a sound.", GENERIC, sound::play).info().device(),

        // Door (3.2, 3.20).
        op("GetDoorCondition", "Door conditions in force.", GENERIC, door::get),
        op("SetDoorCondition", "Changes door conditions; what is left out stays.", GENERIC, door::set).info(),
        op("OpenDoor", "Opens the door once, as if somebody had been admitted; refused under `OpendoorWay` 0, which a new terminal has.", GENERIC, door::open).info().device(),

        // The machine (3.4, 3.5, 3.6, 3.23, 3.24, 3.33).
        op("GetNetParam", "Where the terminal is in the wired network.", GENERIC, network::get),
        op("SetNetParam", "Changes the wired network or the API's port; undone unless somebody logs in within two minutes.", GENERIC, network::set).info(),
        op("GetNetWiFi", "WiFi in force.", GENERIC, network::get_wifi),
        op("SetNetWiFi", "Changes WiFi; undone unless somebody logs in within two minutes.", GENERIC, network::set_wifi).info(),
        op("GetSysTime", "The terminal's local time.", GENERIC, time::get),
        op("SetSysTime", "Sets the terminal's local time; what is left out stays.", GENERIC, time::set).info(),
        op("GetSysNTP", "Time zone and time server in force.", GENERIC, time::server),
        op("SetSysNTP", "Changes time zone or time server; what is left out stays.", GENERIC, time::set_server).info(),
        op("GetGeneralParam", "Thresholds, opener, restart and network at a glance.", GENERIC, general::get),
        op("SetGeneralParam", "Changes them, all or none; what is left out stays.", GENERIC, general::set).info().device(),
        op("RebootDevice", "Restarts the terminal.", GENERIC, general::reboot).info().device(),

        // Terminal (3.3, 3.8, 3.9, 3.27, 3.29, 3.30, 3.34, 3.35).
        op("SetUserPwd", "Sets user name and password of this API.", GENERIC, device::set_password).info(),
        op("GetSysParam", "Name, number and version of the terminal.", GENERIC, device::identity),
        op("SetSysParam", "Sets the terminal's name.", GENERIC, settings::patch::<Device>).info(),
        op("GetSysCfg", "System parameters in force.", GENERIC, device::system),
        op("SetSysCfg", "Changes system parameters; what is left out stays.", GENERIC, device::set_system).info(),
        op("GetFaceParam", "Recognition distance and area.", GENERIC, settings::show::<Face>),
        op("SetFaceParam", "Changes recognition distance or area.", GENERIC, device::set_face).info(),
        op("GetTemperature", "Temperature parameters.", GENERIC, settings::show::<Temperature>),
        // No `.device()`: a platform in the field sends one and the same number to all terminals.
        op("SetTemperature", "Changes temperature parameters; what is left out stays.", GENERIC, settings::patch::<Temperature>).info(),
        op("GetRTSPCfg", "Parameters of the RTSP stream.", GENERIC, settings::show::<Rtsp>),
        op("SetRTSPCfg", "Changes parameters of the RTSP stream, then restarts the terminal.", GENERIC, settings::set_rtsp).info().device(),
        op("SetFactoryDefault", "Puts parts of the terminal back to how they were when it was new.", GENERIC, factory::reset).info().device(),
        op("Upgrade", "Fetches a package of new software and installs it; the terminal restarts with it.", UPGRADE, upgrade::start).info().device().slow(),

        // Platforms (3.7, 3.28, 3.31).
        op("GetCenter", "Connection to a centre.", GENERIC, settings::show::<Center>),
        op("SetCenter", "Changes the connection to a centre; what is left out stays.", GENERIC, center::set).info(),
        op("GetHandSharkData", "What a platform has left here for itself.", GENERIC, settings::handshake).device(),
        op("SetHandSharkData", "Leaves data of the platform's own here.", GENERIC, settings::set_handshake).info().device(),
        op("GetMQTTParam", "Parameters of the MQTT connection.", GENERIC, mqtt::get),
        op("SetMQTTParam", "Changes parameters of the MQTT connection; what is left out stays.", GENERIC, mqtt::set).info(),

        // Passwords of the keypad (3.21).
        op("GetAccessTempPwd", "The password that opens the door in this hour.", GENERIC, password::temporary).answers_as("GetTempPwd"),
        op("AddAccessPwd", "Adds passwords that open the door.", GENERIC, password::add).info(),
        op("DelAccessPwd", "Removes passwords.", GENERIC, password::delete).info(),
        op("ClearAccessPwd", "Removes all passwords.", GENERIC, password::clear).device(),

        // Multi-channel server (3.15 to 3.17).
        op("GetEnterIPC", "Cameras of the multi-channel server.", GENERIC, server::cameras),
        op("SetEnterIPC", "Changes or adds cameras by channel.", GENERIC, server::set_cameras).info(),
        op("GetServerBasicPara", "Basic parameters of the multi-channel server.", GENERIC, settings::show::<ServerBasics>),
        op("SetServerBasicPara", "Changes basic parameters of the multi-channel server.", GENERIC, settings::patch::<ServerBasics>).info(),
        op("GetWorktype", "Kinds of people of the multi-channel server.", GENERIC, server::worktypes),
        op("SetWorktype", "Changes or adds kinds of people by index.", GENERIC, server::set_worktypes).info(),

        // People (3.10, 3.11).
        op("AddPerson", "Adds a person with a photo.", PERSON, person::add).info().device().slow(),
        op("AddPersons", "Adds several people; goes on after one that cannot be added.", PERSON, batch::add).device().slow(),
        op("EditPerson", "Changes the given fields of a person.", EDIT, person::edit).info().device().slow(),
        op("EditPersonsNew", "Adds people, or replaces those whose id is known: what a member leaves out is as for a new person (allow list, the public card, permanent), but for the photo and the other id, which stay. Single fields of somebody are changed by EditPerson. Answers 200 whether or not all went well.", BATCH, batch::replace).info().device().slow(),
        op("DeletePerson", "Removes people with their photos and control records; ids that nobody bears are passed over, and refused where all of them are.", DELETE, person::delete).info().device(),
        op("DeleteAllPerson", "Removes everybody and all control records, then restarts the terminal.", GENERIC, person::delete_all).info().device(),
        op("GetDatabaseVer", "Version of the list database: 1, with temporary lists 2 and 3.", GENERIC, list::version),

        // Searching people (3.19).
        op("SearchPerson", "One person by id.", SEARCH, list::one).info().device(),
        op("SearchPersonNum", "How many people match.", SEARCH, list::count).info().device(),
        op("SearchPersonList", "The people that match, page by page: `Totalnum` counts all of them, `Listnum` those of the page; a page behind the last is a failure.", SEARCH, list::page).info().device(),

        // Records (3.22, 3.26).
        op("SearchControlNum", "How many control records lie between two times.", SEARCH, control::count).info().device(),
        op("SearchControl", "Control records that match, page by page: `TotalNum` counts those of the page; one behind the last has 0. `LibID` is the record's own number; of one person's (`SearchType` 1) it is the person's.", SEARCH, control::page).info().device(),
        op("SearchCaptureNum", "How many captures of strangers lie between two times.", SEARCH, capture::count).info().device(),
        op("SearchCapture", "Captures of strangers between two times, page by page: `CaptureNum` counts all of them, `Listnum` those of the page; one behind the last is empty.", SEARCH, capture::page).info().device(),

        // Subscriptions (3.12, 3.13, 3.32).
        op("Subscribe", "Has events pushed to a server; replaces the subscription before.", SUBSCRIBE, subscribe::subscribe).info().device(),
        op("GetSubscribe", "The subscription in force.", SUBSCRIBE, subscribe::get),
        op("Unsubscribe", "Ends the pushing of some topics.", SUBSCRIBE, subscribe::unsubscribe).info().device(),
        op("ManualPushRecords", "Pushes the control records between two times once more.", MANUAL_PUSH, push::manual).info().device(),

        // Pictures (3.18, 3.25).
        op("GetPictureSimilarity", "How alike the faces of two pictures are.", SIMILARITY, picture::similarity).slow(),
        op("GetPictureSearch", "People who look like the face of a picture.", PICTURE_SEARCH, picture::search).slow(),
        op("DetectFaceFromPic", "Whether a picture shows a face.", DETECT, picture::detect).slow(),
        op("GetFaceSignature", "The signature of a picture's face.", SIGNATURE, signature::extract).slow(),
        op("GetSignatureSimilarity", "How alike the faces of two signatures are.", GENERIC, signature::compare),
        op("GetImage", "The photo that a search points to.", SEARCH, signature::image).info(),
        op("FrontalFaceSnap", "The camera's picture, or the face before it.", GENERIC, picture::snap).info().device().slow(),
    ]
});

/// The operator of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_fields_documented() {
        let mut names = HashSet::new();
        for operator in OPERATORS.iter() {
            assert!(names.insert(operator.name), "{} twice", operator.name);
            assert!(operator.about.ends_with('.'));
            let mut generator = SchemaGenerator::default();
            let schema = (operator.schema)(&mut generator);
            let schema = match schema.get("$ref").and_then(|r| r.as_str()?.rsplit('/').next()) {
                Some(name) => generator.definitions()[name].clone(),
                None => serde_json::to_value(&schema).unwrap(),
            };
            let fields = schema.get("properties").and_then(|p| p.as_object().cloned()).unwrap_or_default();
            for (field, described) in fields {
                assert!(described.get("description").is_some(), "{}: {field} has no description", operator.name);
            }
        }
    }
}
