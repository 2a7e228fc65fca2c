//! What only the protocol document knows of its operators: the chapter, where fields stand, whether an answer
//! carries `code`, and the body it shows. What they do and take is [`crate::api::table`]'s.

use Place::{Beside, Top};
use serde_json::Value;

use crate::api::lenient;

/// Where the fields of a request stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// All in `info`.
    Info,
    /// In `info`, but these beside it.
    Beside(&'static [&'static str]),
    /// All beside `operator`; there is no `info` around them.
    Top,
}

/// An operator as the document describes it.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// As in the path.
    pub name: &'static str,
    /// Chapter of the document, as its table of contents counts (the headings of 3.6 and 3.7 are misnumbered).
    pub chapter: &'static str,
    /// Whether it is answered with what was asked for, without `code`; else with how it went.
    pub is_query: bool,
    /// Where the fields of its request stand.
    pub place: Place,
    /// Whether a Get answers what the Set of the same subject takes.
    pub is_paired: bool,
    /// A body the document shows, where one is strict JSON and nothing is left out of it.
    pub example: Option<&'static str>,
    /// An answer the document shows, with its slips and what it leaves out; [`Described::shown_answer`] reads it.
    pub answer: Option<&'static str>,
}

impl Described {
    /// The answer that the document shows, where it is near enough to JSON to be read.
    #[must_use]
    pub fn shown_answer(&self) -> Option<Value> {
        // One dotted member stands for more like the one before.
        let text = self.answer?.replace("{\n......\n}", "");
        lenient::read(text.as_bytes()).ok()
    }

    const fn fields(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
    const fn unpaired(mut self) -> Self {
        self.is_paired = false;
        self
    }
    const fn example(mut self, body: &'static str) -> Self {
        self.example = Some(body);
        self
    }
    const fn answer(mut self, body: &'static str) -> Self {
        self.answer = Some(body);
        self
    }
}

const fn does(name: &'static str, chapter: &'static str) -> Described {
    Described { name, chapter, is_query: false, place: Place::Info, is_paired: true, example: None, answer: None }
}

const fn asks(name: &'static str, chapter: &'static str) -> Described {
    let mut described = does(name, chapter);
    described.is_query = true;
    described
}

/// A body of the document, from the files the tests post.
macro_rules! body {
    ($file:literal) => {
        include_str!(concat!("../../../tests/data/examples/", $file))
    };
}

/// Every operator of the document, in its order.
#[rustfmt::skip]
pub static DOCUMENT: &[Described] = &[
    asks("GetSound", "3.1.1").answer(body!("GetSound.response.1.txt")),
    does("SetSound", "3.1.2").example(body!("SetSound.request.1.txt")),
    asks("GetAudio", "3.1.3").unpaired().answer(body!("GetAudio.response.1.txt")),
    does("SetAudio", "3.1.4").example(body!("SetAudio.request.1.txt")),
    asks("GetDoorCondition", "3.2.1").answer(body!("GetDoorCondition.response.1.txt")),
    does("SetDoorCondition", "3.2.2").example(body!("SetDoorCondition.request.1.txt")),
    does("SetUserPwd", "3.3").example(body!("SetUserPwd.request.1.txt")),
    asks("GetNetParam", "3.4.1").answer(body!("GetNetParam.response.1.txt")),
    does("SetNetParam", "3.4.2").example(body!("SetNetParam.request.1.txt")),
    asks("GetSysTime", "3.5.1").answer(body!("GetSysTime.response.1.txt")),
    does("SetSysTime", "3.5.2").example(body!("SetSysTime.request.1.txt")),
    asks("GetSysNTP", "3.6.1").answer(body!("GetSysNTP.response.1.txt")),
    does("SetSysNTP", "3.6.2").example(body!("SetSysNTP.request.1.txt")),
    asks("GetCenter", "3.7.1").answer(body!("GetCenter.response.1.txt")),
    does("SetCenter", "3.7.2").example(body!("SetCenter.request.1.txt")),
    does("SetFactoryDefault", "3.8").example(body!("SetFactoryDefault.request.1.txt")),
    asks("GetSysParam", "3.9.1").answer(body!("GetSysParam.response.1.txt")),
    does("SetSysParam", "3.9.2").example(body!("SetSysParam.request.1.txt")),
    does("AddPerson", "3.10.1").fields(Beside(&["picinfo", "picURI"])),
    does("AddPersons", "3.10.2").fields(Top),
    does("EditPerson", "3.10.3").fields(Beside(&["picinfo", "picURI"])),
    asks("GetDatabaseVer", "3.10.4").answer(body!("GetDatabaseVer.response.1.txt")),
    does("EditPersonsNew", "3.10.6").fields(Top),
    does("DeletePerson", "3.11.1"),
    does("DeleteAllPerson", "3.11.2").example(body!("DeleteAllPerson.request.1.txt")),
    does("Subscribe", "3.12").example(body!("Subscribe.request.1.txt")),
    asks("GetSubscribe", "3.12.9").answer(body!("GetSubscribe.response.1.txt")),
    does("Unsubscribe", "3.13").example(body!("Unsubscribe.request.1.txt")),
    asks("GetEnterIPC", "3.15.1").answer(body!("GetEnterIPC.response.1.txt")),
    does("SetEnterIPC", "3.15.2"),
    asks("GetServerBasicPara", "3.16.1").answer(body!("GetServerBasicPara.response.1.txt")),
    does("SetServerBasicPara", "3.16.2").example(body!("SetServerBasicPara.request.1.txt")),
    asks("GetWorktype", "3.17.1").answer(body!("GetWorktype.response.1.txt")),
    does("SetWorktype", "3.17.2"),
    asks("GetFaceSignature", "3.18.1").fields(Top).answer(body!("GetFaceSignature.response.1.txt")),
    asks("GetSignatureSimilarity", "3.18.2").fields(Top).answer(body!("GetSignatureSimilarity.response.1.txt")),
    asks("GetImage", "3.18.3"),
    asks("SearchPerson", "3.19.1").answer(body!("SearchPerson.response.1.txt")),
    asks("SearchPersonNum", "3.19.2").example(body!("SearchPersonNum.request.2.txt")).answer(body!("SearchPersonNum.response.1.txt")),
    asks("SearchPersonList", "3.19.3").example(body!("SearchPersonList.request.2.txt")).answer(body!("SearchPersonList.response.2.txt")),
    does("OpenDoor", "3.20").example(body!("OpenDoor.request.1.txt")),
    asks("GetAccessTempPwd", "3.21.1").answer(body!("GetAccessTempPwd.response.1.txt")),
    does("AddAccessPwd", "3.21.2").example(body!("AddAccessPwd.request.1.txt")),
    does("DelAccessPwd", "3.21.3").example(body!("DelAccessPwd.request.1.txt")),
    does("ClearAccessPwd", "3.21.4").example(body!("ClearAccessPwd.request.1.txt")),
    asks("SearchControlNum", "3.22.1").example(body!("SearchControlNum.request.1.txt")).answer(body!("SearchControlNum.response.1.txt")),
    asks("SearchControl", "3.22.2").example(body!("SearchControl.request.4.txt")).answer(body!("SearchControl.response.1.txt")),
    asks("GetGeneralParam", "3.23.1").answer(body!("GetGeneralParam.response.1.txt")),
    does("SetGeneralParam", "3.23.2").fields(Beside(&["DeviceID"])).example(body!("SetGeneralParam.request.1.txt")),
    does("RebootDevice", "3.24").example(body!("RebootDevice.request.1.txt")),
    asks("GetPictureSimilarity", "3.25.1").fields(Top).answer(body!("GetPictureSimilarity.response.1.txt")),
    asks("GetPictureSearch", "3.25.2").fields(Beside(&["picinfo"])).answer(body!("GetPictureSearch.response.1.txt")),
    asks("DetectFaceFromPic", "3.25.3").fields(Beside(&["picinfo"])).answer(body!("DetectFaceFromPic.response.1.txt")),
    asks("FrontalFaceSnap", "3.25.4").example(body!("FrontalFaceSnap.request.1.txt")).answer(body!("FrontalFaceSnap.response.1.txt")),
    asks("SearchCaptureNum", "3.26.1").example(body!("SearchCaptureNum.request.1.txt")).answer(body!("SearchCaptureNum.response.1.txt")),
    asks("SearchCapture", "3.26.2").example(body!("SearchCapture.request.1.txt")).answer(body!("SearchCapture.response.1.txt")),
    asks("GetTemperature", "3.27.1").answer(body!("GetTemperature.response.1.txt")),
    does("SetTemperature", "3.27.2").example(body!("SetTemperature.request.1.txt")),
    asks("GetHandSharkData", "3.28.1").answer(body!("GetHandSharkData.response.1.txt")),
    does("SetHandSharkData", "3.28.2").example(body!("SetHandSharkData.request.1.txt")),
    does("Upgrade", "3.29.1").example(body!("Upgrade.request.1.txt")),
    asks("GetSysCfg", "3.30.1").answer(body!("GetSysCfg.response.1.txt")),
    does("SetSysCfg", "3.30.2").example(body!("SetSysCfg.request.1.txt")),
    asks("GetMQTTParam", "3.31.1").answer(body!("GetMQTTParam.response.1.txt")),
    does("SetMQTTParam", "3.31.2").example(body!("SetMQTTParam.request.1.txt")),
    does("ManualPushRecords", "3.32.1").answer(body!("ManualPushRecords.response.1.txt")),
    asks("GetNetWiFi", "3.33.1").answer(body!("GetNetWiFi.response.1.txt")),
    does("SetNetWiFi", "3.33.2").example(body!("SetNetWiFi.request.1.txt")),
    asks("GetFaceParam", "3.34.1").answer(body!("GetFaceParam.response.1.txt")),
    does("SetFaceParam", "3.34.2").example(body!("SetFaceParam.request.1.txt")),
    asks("GetRTSPCfg", "3.35.1").answer(body!("GetRTSPCfg.response.1.txt")),
    does("SetRTSPCfg", "3.35.2").fields(Beside(&["DeviceID"])).example(body!("SetRTSPCfg.request.1.txt")),
];

/// What the document says of an operator.
#[must_use]
pub fn described(name: &str) -> Option<&'static Described> {
    DOCUMENT.iter().find(|described| described.name == name)
}

/// The subject of a chapter, which may be one of its sections.
#[must_use]
pub fn subject(chapter: &str) -> &'static str {
    const SUBJECTS: [&str; 35] = [
        "Sound and screen",
        "Door conditions",
        "Login",
        "Network",
        "Time",
        "Time servers",
        "Centre",
        "Factory default",
        "Terminal",
        "People: adding and editing",
        "People: removing",
        "Subscriptions",
        "Subscriptions: ending",
        "Heartbeat",
        "Cameras",
        "Comparison server",
        "Kinds of people",
        "Face signatures",
        "People: searching",
        "Remote opening",
        "Passwords",
        "Control records",
        "General parameters",
        "Restart",
        "Pictures",
        "Captures",
        "Temperature",
        "Handshake data",
        "Upgrade",
        "System parameters",
        "MQTT parameters",
        "Pushing by hand",
        "WiFi",
        "Face recognition parameters",
        "RTSP parameters",
    ];
    let section = chapter.split('.').nth(1).and_then(|number| number.parse::<usize>().ok());
    section.and_then(|number| SUBJECTS.get(number.checked_sub(1)?)).copied().unwrap_or("Other")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::table::OPERATORS;
    use std::collections::HashSet;

    #[test]
    fn the_table_has_every_operator_of_the_document_and_no_other() {
        let document: HashSet<&str> = DOCUMENT.iter().map(|described| described.name).collect();
        let table: HashSet<&str> = OPERATORS.iter().map(|operator| operator.name).collect();
        assert_eq!(document.len(), DOCUMENT.len(), "one is listed twice");
        let mut missing: Vec<_> = document.difference(&table).collect();
        let mut unknown: Vec<_> = table.difference(&document).collect();
        missing.sort_unstable();
        unknown.sort_unstable();
        assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, in no chapter {unknown:?}");
    }

    #[test]
    fn chapters_have_subjects() {
        assert_eq!(subject("3.1.4"), "Sound and screen");
        assert_eq!(subject("3.35.2"), "RTSP parameters");
        assert!(DOCUMENT.iter().all(|described| subject(described.chapter) != "Other"));
    }
}
