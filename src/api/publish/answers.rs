//! What answers hold that no struct of settings describes, as data, for the page and for OpenAPI: `info` of searches and of pictures, and
//! what batches tell. The API's tests hold every answer against it, both ways: nothing else may be in one.

use serde_json::{Map, Value, json};

use crate::api::codes::{self, Page};

/// A member of an answer.
struct Member {
    name: &'static str,
    kind: Kind,
    is_always_there: bool,
    about: &'static str,
}

/// What a member is.
enum Kind {
    Integer,
    Number,
    Text,
    Time,
    /// Base64 with the prefix of a data URL.
    Picture,
    /// A number, or its hexadecimal digits (`CardMode`).
    Card,
    Texts,
    /// A number of a batch's members, as a text.
    Code(Page),
    /// A text for each topic.
    Paths,
    /// Of objects that have a name.
    List(&'static str, Members),
}

/// Members, some of them shared by several answers.
type Members = &'static [&'static [Member]];

use Kind::{Card, Code, Integer, List, Number, Paths, Picture, Text, Texts, Time};

const fn has(name: &'static str, kind: Kind, about: &'static str) -> Member {
    Member { name, kind, is_always_there: true, about }
}

const fn may(name: &'static str, kind: Kind, about: &'static str) -> Member {
    Member { name, kind, is_always_there: false, about }
}

/// An operator's answer.
struct Answer {
    operator: &'static str,
    info: Members,
    /// Beside `info`.
    beside: Members,
    /// Whether it is told of a failure instead.
    is_failure: bool,
}

const fn answer(operator: &'static str, info: Members) -> Answer {
    Answer { operator, info, beside: &[], is_failure: false }
}

const DEVICE: Member = has("DeviceID", Integer, "The terminal's number.");
const SIMILARITY: Member = has("Similarity", Number, "0 to 100, with one decimal.");
const TEMPERATURE: Member = may("Temperature", Number, "Degrees Celsius, where one was measured.");
const HIGH: Member = may("TemperatureAlarm", Integer, "1: it was above `TemperatureHigh`.");
const REGISTERED: &str = "The registered photo, where it was asked for and there is one.";
const TAKEN: &str = "The picture taken, where it was asked for and there is one.";
const UUID: &str = "The platform's text id; a blank where nobody gave one.";
const BLANK: &str = "A blank where nobody gave one.";
const CODE: &str = "The facility code, as `CardMode` and the Wiegand protocol have it; 0: none.";
const CARD: &str = "The card's number, as `CardMode` and the Wiegand protocol have it; 0: none.";

/// A person as lists show them.
#[rustfmt::skip]
const PERSON: &[Member] = &[
    DEVICE,
    has("LibID", Integer, "The terminal's number of the person."),
    has("PersonType", Integer, "0 allow list, 1 block list, as AddPerson has it."),
    has("Name", Text, BLANK),
    has("Gender", Integer, "0 male, 1 female."),
    has("Nation", Integer, "As AddPerson has it."),
    has("CardType", Integer, "Kind of document, as AddPerson has it."),
    has("IdCard", Text, "Number of the document. A blank where nobody gave one."),
    has("Birthday", Text, "`YYYY-MM-DD`. A blank where nobody gave one."),
    has("Telnum", Text, BLANK),
    has("Native", Text, BLANK),
    has("Address", Text, BLANK),
    has("Notes", Text, BLANK),
    has("MjCardFrom", Integer, "Where the card's number is from, as AddPerson has it."),
    has("WGFacilityCode", Card, CODE),
    has("MjCardNo", Card, CARD),
    has("RFIDCard", Text, "Number of the RF card, hexadecimal. A blank where nobody gave one."),
    has("Tempvalid", Integer, "0 permanent, 1 to 3 temporary lists."),
    may("EffectNumber", Integer, "Uses left, of temporary list 3."),
    has("CustomizeID", Integer, "The platform's number; -2 where nobody gave one."),
    has("PersonUUID", Text, UUID),
    has("ValidBegin", Time, "First moment of temporary lists 1 and 2; `1970-01-01T08:00:00` of others."),
    has("ValidEnd", Time, "Last moment of temporary lists 1 and 2; `1970-01-01T08:00:00` of others."),
];

/// Whom a control record is about, and how it ended.
#[rustfmt::skip]
const BEARER: &[Member] = &[
    may("LibID", Integer, "The record's own number; beside the list, with `SearchType` 1, that of the person, 0 for records of nobody."),
    may("VerfyType", Integer, "What was verified: 1 a face, 2 an identity card and its bearer's face, 3 both, 21 and 22 a card at the RF reader, with a face, 24 and 25 at the Wiegand reader, 27 the platform opened the door; with 0x100 a mask and with 0x200 a temperature besides. Beside the list that of the first record, as all of these."),
    may("VerifyStatus", Integer, "1 admitted, 2 refused, 3 an unknown card, 22 the platform was asked (`OpendoorWay` 3)."),
    may("Similarity", Number, "0 to 100, with one decimal."),
    may("PersonType", Integer, "0 allow list, 1 block list."),
    may("Name", Text, "`远程开门` where the platform opened the door; a blank for nobody, and for somebody without a name."),
    may("MjCardFrom", Integer, "Where the card's number is from, as AddPerson has it."),
    may("WGFacilityCode", Card, CODE),
    may("MjCardNo", Card, CARD),
    may("RFIDCard", Text, BLANK),
    may("Gender", Integer, "0 male, 1 female."),
    may("Nation", Integer, "As AddPerson has it."),
    may("CardType", Integer, "Kind of document, as AddPerson has it."),
    may("IdCard", Text, BLANK),
    may("Birthday", Text, BLANK),
    may("Telnum", Text, BLANK),
    may("Native", Text, BLANK),
    may("Address", Text, BLANK),
    may("CustomizeID", Integer, "The platform's number; 0 where nobody gave one."),
    may("PersonUUID", Text, UUID),
    may("RemoteOpenDoor", Integer, "1: the platform opened the door."),
];

/// Of a control record alone.
const RECORD: &[Member] = &[
    has("Time", Time, "When."),
    TEMPERATURE,
    HIGH,
    may("SnapPicinfo", Picture, TAKEN),
    may("RegPicinfo", Picture, REGISTERED),
];

/// A person who looks like the face of a picture, under the names this one search has for their fields.
#[rustfmt::skip]
const FOUND: &[Member] = &[
    has("Uid", Integer, "`LibID` elsewhere: the terminal's number of the person."),
    has("Type", Integer, "`PersonType` elsewhere: 0 allow list, 1 block list."),
    has("Name", Text, BLANK),
    has("Cardtype", Integer, "`MjCardFrom` elsewhere: where the card's number is from."),
    has("MjCardNo", Card, CARD),
    has("Sex", Integer, "`Gender` elsewhere: 0 male, 1 female."),
    has("Nation", Integer, "As AddPerson has it."),
    has("Certype", Integer, "`CardType` elsewhere: kind of document."),
    has("Cernumber", Text, "`IdCard` elsewhere: number of the document."),
    has("Birth", Text, "`Birthday` elsewhere."),
    has("Phone", Text, "`Telnum` elsewhere."),
    has("Place", Text, "`Native` elsewhere."),
    has("Addr", Text, "`Address` elsewhere."),
    has("Notes", Text, BLANK),
    has("Filetype", Integer, "With the next two, what GetImage finds the photo by."),
    has("Fileindex", Integer, "The person's `LibID`."),
    has("Filepos", Integer, "0."),
    has("CustomizeID", Integer, "The platform's number; -2 where nobody gave one."),
    has("PersonUUID", Text, UUID),
    has("Time", Text, "When the person was entered, `YYYY-MM-DD/HH:MM:SS`."),
    SIMILARITY,
];

const CAPTURE: &[Member] = &[
    has("LibSnapID", Integer, "The capture's number."),
    has("CreateTime", Time, "When."),
    TEMPERATURE,
    HIGH,
    may("SnapPicinfo", Picture, "The picture taken, where it is still kept."),
];

/// Somebody a batch could add.
const ADDED: &[Member] = &[
    has("Personinfo", Integer, "The number after `Personinfo_`."),
    may("CustomizeID", Integer, "As it was given."),
    may("PersonUUID", Text, "As it was given."),
];

/// Somebody a batch could not add.
const NOT_ADDED: &[Member] = &[
    has("errcode", Code(codes::PERSON), "Why, as a text."),
    has("errorItem", Integer, "The number after `Personinfo_`."),
    has("errordesc", Text, "The document's wording, then the field and what is wrong with it."),
    may("CustomizeID", Integer, "As it was given."),
    may("PersonUUID", Text, "As it was given."),
];

/// Somebody a batch added or replaced.
const REPLACED: &[Member] =
    &[may("CustomizeID", Integer, "As it was given."), may("PersonUUID", Text, "As it was given.")];

const NOT_REPLACED: &[Member] = &[
    may("CustomizeID", Integer, "As it was given."),
    may("PersonUUID", Text, "As it was given."),
    has("errcode", Code(codes::BATCH_ITEM), "Why, as a text."),
    has("errordesc", Text, "The document's wording, then the field and what is wrong with it."),
];

#[rustfmt::skip]
const ANSWERS: &[Answer] = &[
    // Beside what their Sets take.
    answer("GetSysParam", &[&[DEVICE, has("Version", Text, "Of the software.")]]),
    answer("GetSysCfg", &[&[
        has("LiveThreshold", Text, "Per cent, as a text: the model pack's, 100 where it cannot judge liveness."),
        has("LiveFrameNum", Integer, "Frames that liveness takes: the model pack's, 0 where it cannot judge liveness."),
    ]]),
    Answer { beside: &[&[DEVICE]], ..answer("GetGeneralParam", &[]) },
    // All there is.
    answer("GetAudio", &[&[
        has("AudioNum", Integer, "How many are in `AudioName`."),
        has("AudioName", Texts, "Names of the sounds."),
    ]]),
    Answer {
        is_failure: true,
        ..answer("AddPersons", &[&[
            may("SuccessCount", Integer, "How many were added. This and what follows comes where somebody could not be."),
            may("ErrCount", Integer, "How many could not be added."),
            may("SuccessInfo", List("AddedPerson", &[ADDED]), "Who was added."),
            may("errorInfo", List("NotAddedPerson", &[NOT_ADDED]), "Who could not be added, and why."),
        ]])
    },
    answer("EditPersonsNew", &[&[
        has("AddErrNum", Text, "How many failed, as a text."),
        has("AddSucNum", Text, "How many went well, as a text."),
        has("AddErrInfo", List("NotReplacedPerson", &[NOT_REPLACED]), "Who failed, and why."),
        has("AddSucInfo", List("ReplacedPerson", &[REPLACED]), "Who was added or replaced."),
    ]]),
    answer("GetDatabaseVer", &[&[has("DatabaseVersion", Integer, "1: with temporary lists 2 and 3.")]]),
    Answer {
        beside: &[&[may("picinfo", Picture, REGISTERED)]],
        ..answer("SearchPerson", &[PERSON])
    },
    answer("SearchPersonNum", &[&[
        DEVICE,
        has("MaxListsNum", Integer, "How many people the terminal holds at most."),
        has("PersonNum", Integer, "How many match."),
    ]]),
    answer("SearchPersonList", &[&[
        DEVICE,
        has("Totalnum", Integer, "How many match, on all pages."),
        has("Listnum", Integer, "How many are in `List`."),
        has("List", List("ListedPerson", &[PERSON, &[may("Picinfo", Picture, REGISTERED)]]), "The people of this page."),
    ]]),
    answer("SearchControlNum", &[&[DEVICE, has("ControlNum", Integer, "How many there are.")]]),
    answer("SearchControl", &[
        &[
            DEVICE,
            has("TotalNum", Integer, "How many are in `SearchInfo`."),
            has("SearchInfo", List("ControlRecord", &[BEARER, RECORD]), "The records of this page; with `SearchType` 1 whom they are about stands once, beside the list, and not in each."),
        ],
        BEARER,
    ]),
    answer("SearchCaptureNum", &[&[DEVICE, has("CaptureNum", Integer, "How many there are.")]]),
    answer("SearchCapture", &[&[
        DEVICE,
        has("CaptureNum", Integer, "How many there are between the two times, on all pages."),
        has("Listnum", Integer, "How many are in `List`."),
        has("List", List("Capture", &[CAPTURE]), "The captures of this page."),
    ]]),
    answer("GetSubscribe", &[&[
        has("Num", Integer, "How many topics; 0: nobody has subscribed, and nothing else is answered."),
        may("Topics", Texts, "What is pushed."),
        may("SubscribeAddr", Text, "Address of the platform's server."),
        may("SubscribeUrl", Paths, "Where each topic goes."),
        may("BeatInterval", Integer, "Seconds between heartbeats."),
        may("ResumefromBreakpoint", Integer, "1: what was missed is sent later."),
        may("BeginTime", Time, "The time of the last event that was taken, else the one it began with."),
        may("bTimedPush", Integer, "1: events are collected and pushed every `PushInterval` seconds."),
        may("PushInterval", Integer, "Seconds."),
        may("Auth", Text, "`none` or `Basic`."),
        may("User", Text, "With `Basic`."),
        may("Pwd", Text, "With `Basic`."),
    ]]),
    answer("ManualPushRecords", &[&[
        has("RecordNum", Text, "How many records are pushed, as a text."),
        has("Detail", Text, "The same in the document's words."),
    ]]),
    answer("GetAccessTempPwd", &[&[
        has("TempPwd", Text, "Six digits that open the door in this hour."),
        has("ValidPeriod", Text, "From when to when."),
    ]]),
    answer("GetPictureSimilarity", &[&[SIMILARITY]]),
    answer("GetSignatureSimilarity", &[&[SIMILARITY]]),
    answer("GetPictureSearch", &[&[
        has("TotalNum", Integer, "How many are in `SearchInfo`."),
        has("SearchInfo", List("FoundPerson", &[FOUND]), "The most alike first."),
    ]]),
    answer("DetectFaceFromPic", &[&[has("DetectFace", Integer, "1: it shows a face; 0: it does not.")]]),
    answer("GetFaceSignature", &[&[
        has("FeatureData", Text, "The signature, base64."),
        has("FeatureLen", Text, "Length of that text, as a text."),
        has("Gender", Integer, "1: not sure; the terminal does not estimate it."),
        has("Age", Integer, "0: the terminal does not estimate it."),
    ]]),
    answer("GetImage", &[&[has("FeatureData1", Picture, "The photo.")]]),
    answer("FrontalFaceSnap", &[&[has("FacePic", Picture, "The picture.")]]),
];

/// Schemas of what an operator's answer holds.
pub(super) struct Schemas {
    /// Of `info`, without what a verdict has.
    pub(super) info: Value,
    /// Of an object with what is beside `info`.
    pub(super) beside: Value,
    /// Whether it is told of a failure instead.
    pub(super) is_failure: bool,
}

/// What an operator's answer holds, where it is described here.
pub(super) fn of(operator: &str) -> Option<Schemas> {
    let Answer { info, beside, is_failure, .. } = ANSWERS.iter().find(|answer| answer.operator == operator)?;
    Some(Schemas { info: object(info), beside: object(beside), is_failure: *is_failure })
}

/// The schemas that have a name.
pub(super) fn definitions() -> Map<String, Value> {
    let mut named = Map::new();
    for member in ANSWERS.iter().flat_map(|answer| answer.info).copied().flatten() {
        if let List(name, members) = member.kind {
            named.insert(name.to_owned(), object(members));
        }
    }
    named
}

fn object(members: Members) -> Value {
    let all = || members.iter().copied().flatten();
    let properties: Map<String, Value> = all().map(|member| (member.name.to_owned(), schema(member))).collect();
    let always: Vec<_> = all().filter(|member| member.is_always_there).map(|member| member.name).collect();
    json!({ "type": "object", "properties": properties, "required": always })
}

fn schema(member: &Member) -> Value {
    let mut schema = match member.kind {
        Integer => json!({ "type": "integer" }),
        Number => json!({ "type": "number" }),
        Text => json!({ "type": "string" }),
        Time => json!({ "type": "string", "examples": ["2018-03-12T09:09:20"] }),
        Picture => json!({ "type": "string", "examples": ["data:image/jpeg;base64,…"] }),
        Card => json!({ "type": ["integer", "string"] }),
        Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Code(page) => {
            let numbers = codes::numbers(page).into_iter();
            let meant = numbers.map(|(number, meanings)| (number.to_string(), meanings.join("; ")));
            let (numbers, meanings): (Vec<_>, Vec<_>) = meant.unzip();
            json!({ "type": "string", "enum": numbers, "x-enum-descriptions": meanings })
        }
        Paths => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        List(name, _) => json!({ "type": "array", "items": super::request::reference(name) }),
    };
    schema["description"] = member.about.into();
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::api::table;

    #[test]
    fn answers_are_of_operators_and_of_members_that_differ() {
        let mut operators = HashSet::new();
        for Answer { operator, info, beside, .. } in ANSWERS {
            assert!(table::find(operator).is_some() && operators.insert(operator), "{operator}");
            for members in [info, beside] {
                let mut names = HashSet::new();
                let mut all = members.iter().copied().flatten();
                assert!(all.all(|member| names.insert(member.name)), "{operator}: one member twice");
            }
        }
    }
}
