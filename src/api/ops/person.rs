//! People coming, changing and going (3.10, 3.11).

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::access::{Card, CardFormat, CardSource, LibId, List, Person, Validity};
use crate::api::codes::{self, BATCH_ITEM, PERSON};
use crate::api::wire::Answer;
use crate::api::{Context, table};
use crate::error::{Error, Fault, Result};
use crate::field::{Date, Flag, Int, LocalTime, Text, blank, one_or_many};
use crate::settings::{Door, WiegandProtocol};

/// Largest picture, decoded (3.10).
pub const PICTURE: usize = 1024 * 1024;
/// People of one AddPersons.
const ADD_MANY: i64 = 1000;
/// People of one EditPersonsNew (3.10.6).
const EDIT_MANY: i64 = 500;
/// People of one DeletePerson (3.11.1).
const DELETE_MANY: usize = 256;

/// A person as platforms send one. Only what is given is set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PersonFields {
    /// Which id the request goes by: 0 `CustomizeID`, 1 `LibID`, 2 `PersonUUID`.
    #[serde(rename = "IdType", deserialize_with = "blank")]
    pub id_type: Option<Int<0, 2>>,
    /// The platform's number; 0 is none.
    #[serde(rename = "CustomizeID", deserialize_with = "blank")]
    pub custom_id: Option<Int<0, 4_294_967_295>>,
    /// The terminal's number.
    #[serde(rename = "LibID", deserialize_with = "blank")]
    pub lib_id: Option<Int<1, 4_294_967_295>>,
    /// The platform's text id, at most 48 bytes.
    #[serde(rename = "PersonUUID", deserialize_with = "blank")]
    pub uuid: Option<Text<48>>,
    /// 0 allow list, 1 block list.
    #[serde(rename = "PersonType", deserialize_with = "blank")]
    pub list: Option<List>,
    /// Name, at most 31 characters.
    #[serde(rename = "Name")]
    pub name: Option<Text<31>>,
    /// 0 male, 1 female.
    #[serde(rename = "Gender", deserialize_with = "blank")]
    pub gender: Option<Int<0, 1>>,
    /// Row of appendix D.1.
    #[serde(rename = "Nation", deserialize_with = "blank")]
    pub nation: Option<Int<1, 57>>,
    /// Kind of document: 0 identity card.
    #[serde(rename = "CardType", deserialize_with = "blank")]
    pub document_type: Option<Int<0, 255>>,
    /// Number of the document, at most 31 characters.
    #[serde(rename = "IdCard")]
    pub document_number: Option<Text<31>>,
    /// Birthday.
    #[serde(rename = "Birthday", deserialize_with = "blank")]
    pub birthday: Option<Date>,
    /// Telephone, at most 31 characters.
    #[serde(rename = "Telnum")]
    pub phone: Option<Text<31>>,
    /// Place of origin, at most 31 characters.
    #[serde(rename = "Native")]
    pub origin: Option<Text<31>>,
    /// Address, at most 71 characters.
    #[serde(rename = "Address")]
    pub address: Option<Text<71>>,
    /// Notes, at most 63 characters.
    #[serde(rename = "Notes")]
    pub notes: Option<Text<63>>,
    /// Where the Wiegand card comes from: 0 public, 1 automatic, 2 given here, 3 none.
    #[serde(rename = "MjCardFrom", deserialize_with = "blank")]
    pub card_from: Option<Int<0, 3>>,
    /// Format of the card given: 0 (26 bits), 1 (34 bits), 6 (8+16), 7 (8+24); 1 if absent.
    #[serde(rename = "WiegandType", deserialize_with = "blank")]
    pub card_format: Option<CardFormat>,
    /// Facility code, with `WiegandType` 6 and 7.
    #[serde(rename = "WGFacilityCode", deserialize_with = "blank")]
    pub facility: Option<Text<10>>,
    /// Card number.
    #[serde(rename = "MjCardNo", deserialize_with = "blank")]
    pub card_number: Option<Text<10>>,
    /// 0: card numbers are decimal, 1: hexadecimal; 0 if absent.
    #[serde(rename = "CardMode", deserialize_with = "blank")]
    pub card_mode: Option<Flag>,
    /// 0: the RF card's number is decimal, 1: hexadecimal; 1 if absent.
    #[serde(rename = "RFCardMode", deserialize_with = "blank")]
    pub rf_card_mode: Option<Flag>,
    /// RF card, at most 17 characters.
    #[serde(rename = "RFIDCard")]
    pub rf_card: Option<Text<17>>,
    /// 0 for good, 1 a period, 2 daily hours in a period, 3 a number of passages.
    #[serde(rename = "Tempvalid", deserialize_with = "blank")]
    pub validity: Option<Int<0, 3>>,
    /// Begin, with `Tempvalid` 1 and 2.
    #[serde(rename = "ValidBegin", deserialize_with = "blank")]
    pub valid_begin: Option<LocalTime>,
    /// End, with `Tempvalid` 1 and 2.
    #[serde(rename = "ValidEnd", deserialize_with = "blank")]
    pub valid_end: Option<LocalTime>,
    /// Passages, with `Tempvalid` 3.
    #[serde(rename = "EffectNumber", deserialize_with = "blank")]
    pub uses: Option<Int<1, 4_294_967_295>>,
    /// 1: refuse a face that is already enrolled.
    #[serde(rename = "isCheckSimilarity", deserialize_with = "blank")]
    pub check_similarity: Option<Flag>,
    /// Kept as given (door stations), at most 31 characters.
    #[serde(rename = "IdCardId")]
    pub id_card_id: Option<Text<31>>,
    /// Kept as given (door stations), at most 23 characters.
    #[serde(rename = "AccessId")]
    pub access_id: Option<Text<23>>,
    /// Kept as given (door stations), at most 31 characters.
    #[serde(rename = "WardenId")]
    pub warden_id: Option<Text<31>>,
    /// Kept as given (door stations), at most 23 characters.
    #[serde(rename = "RoomNum")]
    pub room: Option<Text<23>>,
    /// Photo as base64, at most 1 MiB decoded.
    #[serde(rename = "picinfo", deserialize_with = "blank")]
    pub picture: Option<String>,
    /// Address of the photo, read when there is no `picinfo`.
    #[serde(rename = "picURI", deserialize_with = "blank")]
    pub picture_uri: Option<String>,
}

impl PersonFields {
    /// Sets what is given on `person`. Nothing is set when a field does not fit the others.
    fn apply(&self, person: &Person, cx: &Context) -> Result<Person> {
        let mut new = person.clone();
        let text = |slot: &mut String, given: Option<&str>| {
            if let Some(given) = given {
                given.trim().clone_into(slot);
            }
        };
        text(&mut new.name, self.name.as_ref().map(Text::as_str));
        text(&mut new.document_number, self.document_number.as_ref().map(Text::as_str));
        text(&mut new.phone, self.phone.as_ref().map(Text::as_str));
        text(&mut new.origin, self.origin.as_ref().map(Text::as_str));
        text(&mut new.address, self.address.as_ref().map(Text::as_str));
        text(&mut new.notes, self.notes.as_ref().map(Text::as_str));
        let small = |n: i64| u8::try_from(n).unwrap_or(0);
        new.list = self.list.unwrap_or(new.list);
        new.gender = self.gender.map_or(new.gender, |n| small(n.get()));
        new.nation = self.nation.map_or(new.nation, |n| small(n.get()));
        new.document_type = self.document_type.map_or(new.document_type, |n| small(n.get()));
        new.birthday = self.birthday.or(new.birthday);
        new.validity = self.validity(new.validity)?;
        new.card = self.card(new.card, &cx.settings.now().door, cx)?;
        if let Some(card) = &self.rf_card {
            new.rf_card = self.rf_card(card.as_str().trim())?;
        }
        for (key, given) in [
            ("IdCardId", self.id_card_id.as_ref().map(Text::as_str)),
            ("AccessId", self.access_id.as_ref().map(Text::as_str)),
            ("WardenId", self.warden_id.as_ref().map(Text::as_str)),
            ("RoomNum", self.room.as_ref().map(Text::as_str)),
        ] {
            match given.map(str::trim) {
                None => {}
                Some("") => drop(new.extra.remove(key)),
                Some(text) => drop(new.extra.insert(key.to_owned(), text.to_owned())),
            }
        }
        Ok(new)
    }

    fn custom_id(&self) -> Option<u32> {
        self.custom_id.map(Int::u32).filter(|id| *id != 0)
    }

    fn uuid(&self) -> Result<Option<String>> {
        match self.uuid.as_ref().map(|uuid| uuid.as_str().trim()) {
            Some(uuid) if uuid.len() > 48 => {
                crate::bail!(BadParameter, "PersonUUID: has {} bytes, at most 48 are allowed", uuid.len())
            }
            uuid => Ok(uuid.filter(|uuid| !uuid.is_empty()).map(str::to_owned)),
        }
    }

    fn validity(&self, old: Validity) -> Result<Validity> {
        let (begin, end) = match old.bounds() {
            Some((begin, end)) => (self.valid_begin.or(Some(begin)), self.valid_end.or(Some(end))),
            None => (self.valid_begin, self.valid_end),
        };
        let kind = self.validity.map_or(old.number(), Int::get);
        let needed = |name: &str| Error::new(Fault::BadParameter, format!("{name}: needed with Tempvalid {kind}"));
        let bounds = || -> Result<(LocalTime, LocalTime)> {
            let (begin, end) = (begin.ok_or_else(|| needed("ValidBegin"))?, end.ok_or_else(|| needed("ValidEnd"))?);
            if begin > end && (kind == 1 || begin.0.date() > end.0.date()) {
                crate::bail!(BadParameter, "ValidEnd: {end} lies before ValidBegin {begin}");
            }
            Ok((begin, end))
        };
        Ok(match kind {
            1 => bounds().map(|(begin, end)| Validity::Window { begin, end })?,
            2 => bounds().map(|(begin, end)| Validity::Daily { begin, end })?,
            3 => match (self.uses, old) {
                (Some(uses), _) => Validity::Uses { left: uses.u32() },
                (None, Validity::Uses { left }) => Validity::Uses { left },
                (None, _) => return Err(needed("EffectNumber")),
            },
            _ => Validity::Permanent,
        })
    }

    fn card(&self, old: CardSource, rules: &Door, cx: &Context) -> Result<CardSource> {
        let from = match (self.card_from, &self.card_number) {
            (Some(from), _) => from.get(),
            (None, Some(_)) => 2,
            (None, None) => return Ok(old),
        };
        Ok(match from {
            0 => CardSource::Public,
            1 => match old {
                CardSource::Automatic(_) => old,
                _ => CardSource::Automatic(automatic_card(rules, cx)?),
            },
            2 => CardSource::Manual(self.given_card()?),
            _ => CardSource::None,
        })
    }

    fn given_card(&self) -> Result<Card> {
        let hex = self.card_mode.is_some_and(Flag::on);
        let format = self.card_format.unwrap_or(CardFormat::W34);
        let read = |fault, name: &str, text: &Text<10>| {
            let text = text.as_str().trim();
            let number = u32::from_str_radix(text, if hex { 16 } else { 10 });
            let kind = if hex { "hexadecimal" } else { "decimal" };
            number.map_err(|_| Error::new(fault, format!("{name}: {text:?} is no {kind} number of 32 bits")))
        };
        let facility = match self.facility.as_ref().filter(|_| format.is_split()) {
            None => None,
            Some(text) => {
                let code = read(Fault::BadFacility, "WGFacilityCode", text)?;
                let code = u8::try_from(code);
                Some(code.map_err(|_| Error::new(Fault::BadFacility, "WGFacilityCode: does not fit 8 bits"))?)
            }
        };
        let number = self.card_number.as_ref();
        let number = number.ok_or_else(|| Error::new(Fault::BadCard, "MjCardNo: needed with MjCardFrom 2"))?;
        Card::new(format, facility, read(Fault::BadCard, "MjCardNo", number)?)
    }

    /// Upper-case hexadecimal or decimal digits, as `RFCardMode` says; empty is none.
    fn rf_card(&self, text: &str) -> Result<Option<String>> {
        if text.is_empty() {
            return Ok(None);
        }
        let hex = self.rf_card_mode.is_none_or(Flag::on);
        if !text.chars().all(|c| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() }) {
            let kind = if hex { "hexadecimal" } else { "decimal" };
            crate::bail!(BadParameter, "RFIDCard: {text:?} is not {kind}");
        }
        Ok(Some(text.to_ascii_uppercase()))
    }

    /// The photo's bytes, if one is given; what stands here goes before what must be fetched.
    fn photo(&self, cx: &Context) -> Result<Option<Vec<u8>>> {
        match (&self.picture, &self.picture_uri) {
            (Some(text), _) => decode_base64("picinfo", text).map(Some),
            (None, Some(uri)) => cx.fetch.get(uri.trim()).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The lowest free number of the automatic range, in the terminal's format.
fn automatic_card(rules: &Door, cx: &Context) -> Result<Card> {
    let (first, last) = (rules.auto_card_first.u32(), rules.auto_card_last.u32());
    let number = cx.store.free_card(first, last).ok_or_else(|| {
        Error::new(
            Fault::BadCard,
            format!("MjCardNo: all of AutoMjCardBgnNo {first} to AutoMjCardEndNo {last} are taken"),
        )
    })?;
    let format =
        if rules.wiegand.data_bits() == WiegandProtocol::W26.data_bits() { CardFormat::W26 } else { CardFormat::W34 };
    Card::new(format, None, number)
}

/// A picture as text: with or without the prefix of a data URL, with or without padding and line breaks.
///
/// # Errors
/// [`Fault::BadBase64`], or [`Fault::PictureTooLarge`] before anything is decoded.
pub fn decode_base64(field: &str, text: &str) -> Result<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let coded = text.split_once(',').map_or(text, |(_, coded)| coded);
    let coded: String = coded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    if coded.len() / 4 * 3 > PICTURE + 3 {
        return Err(Error::new(Fault::PictureTooLarge, format!("{field}: is larger than 1 MiB")));
    }
    let bytes = LENIENT.decode(&coded).map_err(|e| Error::new(Fault::BadBase64, format!("{field}: {e}")))?;
    if bytes.is_empty() {
        return Err(Error::new(Fault::BadBase64, format!("{field}: holds no picture")));
    }
    Ok(bytes)
}

/// Adds a person with a photo.
///
/// # Errors
/// As C.10.1.1; nothing is changed then.
pub fn add(cx: &Context, request: PersonFields) -> Result<Answer> {
    add_one(cx, &request)?;
    Ok(Answer::Done)
}

fn add_one(cx: &Context, request: &PersonFields) -> Result<LibId> {
    let (custom_id, uuid) = (request.custom_id(), request.uuid()?);
    match request.id_type.map(Int::get) {
        Some(0) if custom_id.is_none() => crate::bail!(BadParameter, "CustomizeID: needed with IdType 0"),
        Some(1) => crate::bail!(BadParameter, "IdType: 1 (LibID) is for editing; use 0 or 2"),
        Some(2) if uuid.is_none() => crate::bail!(BadParameter, "PersonUUID: needed with IdType 2"),
        _ => {}
    }
    let mut person = request.apply(&Person::new(cx.local()), cx)?;
    (person.custom_id, person.uuid) = (custom_id, uuid);
    cx.roster.check_free(&person)?;
    let photo = request.photo(cx)?.ok_or_else(|| Error::new(Fault::NoPicture, "picinfo, picURI: both are missing"))?;
    cx.roster.enrol(person, &photo, request.check_similarity.is_some_and(Flag::on))
}

/// Adds several people. A bad one does not hold up the others; the answer says how each went.
///
/// # Errors
/// When the request as a whole cannot be understood.
pub fn add_many(cx: &Context, fields: Map<String, Value>) -> Result<Answer> {
    let total: Total = table::parse(fields.clone())?;
    let total = total.number.ok_or_else(|| Error::new(Fault::BadParameter, "Total: is missing"))?.get();
    let mut members: Vec<(usize, Value)> = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("Personinfo_")?.parse().ok()?, value)))
        .collect();
    members.sort_by_key(|(number, _)| *number);
    if i64::try_from(members.len()) != Ok(total) {
        crate::bail!(BadParameter, "Total: {total} people are announced, {} Personinfo_N are there", members.len());
    }
    let (mut good, mut bad, mut details, mut code) = (Vec::new(), Vec::new(), Vec::new(), 200);
    for (number, member) in members {
        let ids = ids_of(&member);
        match read_member(member).and_then(|request| add_one(cx, &request)) {
            Ok(_) => good.push(with_ids(json!({ "Personinfo": number }), ids)),
            Err(error) => {
                let errcode = codes::number(PERSON, error.fault);
                if code == 200 {
                    code = errcode;
                }
                let description = batch_wording(&error);
                details.push(format!("Personinfo_{number}: {description}"));
                let entry = json!({ "Personinfo": number, "errcode": errcode.to_string(), "errordesc": description });
                bad.push(with_ids(entry, ids));
            }
        }
    }
    let (result, detail) = if bad.is_empty() { ("Ok", None) } else { ("Fail", Some(details.join("; "))) };
    let mut info = json!({ "Result": result });
    if let (Some(info), Some(detail)) = (info.as_object_mut(), detail) {
        info.insert("Detail".into(), detail.into());
        info.insert("SuccessCount".into(), good.len().into());
        info.insert("ErrCount".into(), bad.len().into());
        info.insert("SuccessInfo".into(), good.into());
        info.insert("errorInfo".into(), bad.into());
    }
    Ok(Answer::Batch { code, info })
}

/// What platforms look for in the text of a failed batch.
fn batch_wording(error: &Error) -> String {
    let fragment = match error.fault {
        Fault::NoPicture | Fault::PictureTooLarge | Fault::UriAddress | Fault::UriConnect | Fault::UriTooShort => {
            "Unkonw Picinfo and get picURI error"
        }
        Fault::NoFace | Fault::BadPicture => "GetPersonFeature err",
        Fault::IdExists => "PersonUUID had existed",
        _ => return error.to_string(),
    };
    format!("{fragment}: {error}")
}

#[derive(Deserialize)]
struct Total {
    #[serde(rename = "Total", default, deserialize_with = "blank")]
    number: Option<Int<1, ADD_MANY>>,
}

fn read_member(member: Value) -> Result<PersonFields> {
    match member {
        Value::Object(fields) => table::parse(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => crate::bail!(BadParameter, "{other} is no person"),
    }
}

fn ids_of(member: &Value) -> [(&'static str, Value); 2] {
    ["CustomizeID", "PersonUUID"].map(|key| (key, member.get(key).cloned().unwrap_or(Value::Null)))
}

fn with_ids(mut entry: Value, ids: [(&'static str, Value); 2]) -> Value {
    if let Some(entry) = entry.as_object_mut() {
        entry.extend(ids.into_iter().filter(|(_, id)| !id.is_null()).map(|(key, id)| (key.to_owned(), id)));
    }
    entry
}

/// Changes the fields given of a person.
///
/// # Errors
/// Nobody of that id, or as AddPerson; nothing is changed then.
pub fn edit(cx: &Context, request: PersonFields) -> Result<Answer> {
    let person = chosen(cx, &request)?;
    let mut new = request.apply(&person, cx)?;
    new.custom_id = request.custom_id().or(new.custom_id);
    new.uuid = request.uuid()?.or(new.uuid);
    cx.roster.check_free(&new)?;
    let photo = request.photo(cx)?;
    cx.roster.edit(new, photo.as_deref(), request.check_similarity.is_some_and(Flag::on))?;
    Ok(Answer::Done)
}

/// The person `IdType` and its id name.
fn chosen(cx: &Context, request: &PersonFields) -> Result<std::sync::Arc<Person>> {
    let missing = |fault, name: &str, number| Err(Error::new(fault, format!("{name}: needed with IdType {number}")));
    let id_type = request.id_type.map(Int::get).unwrap_or(match (request.custom_id(), &request.uuid) {
        (Some(_), _) => 0,
        (None, Some(_)) => 2,
        (None, None) => i64::from(request.lib_id.is_some()),
    });
    let (found, shown) = match id_type {
        1 => match request.lib_id {
            Some(id) => (cx.store.person(LibId(id.u32())), format!("LibID: nobody has {}", id.get())),
            None => return missing(Fault::BadParameter, "LibID", 1),
        },
        2 => match request.uuid()? {
            Some(uuid) => (cx.store.by_uuid(&uuid), format!("PersonUUID: nobody has {uuid:?}")),
            None => return missing(Fault::NoUuid, "PersonUUID", 2),
        },
        _ => match request.custom_id() {
            Some(id) => (cx.store.by_custom_id(id), format!("CustomizeID: nobody has {id}")),
            None => return missing(Fault::NoCustomizeId, "CustomizeID", 0),
        },
    };
    found.ok_or_else(|| Error::new(Fault::NoPerson, shown))
}

/// Adds or changes several people, each with all its fields (3.10.6). The answer says how each went.
///
/// # Errors
/// As C.10.6.1, when the request as a whole cannot be understood.
pub fn edit_many(cx: &Context, mut fields: Map<String, Value>) -> Result<Answer> {
    let members = fields.remove("info");
    let Some(Value::Array(members)) = members else {
        crate::bail!(BadParameter, "info: should be a list of people");
    };
    let number = |name: &str, absent: Fault, wrong: Fault| -> Result<i64> {
        let value = fields.get(name).ok_or_else(|| Error::new(absent, format!("{name}: is missing")))?;
        Int::<{ i64::MIN }, { i64::MAX }>::deserialize(value)
            .map(Int::get)
            .map_err(|why| Error::new(wrong, format!("{name}: {why}")))
    };
    let total = number("Total", Fault::NoTotal, Fault::TotalOutOfRange)?;
    if !(1..=EDIT_MANY).contains(&total) {
        crate::bail!(TotalOutOfRange, "Total: {total} is outside 1..{EDIT_MANY}");
    }
    if i64::try_from(members.len()) != Ok(total) {
        crate::bail!(TotalMismatch, "Total: {total} people are announced, {} are there", members.len());
    }
    let id_type = number("IdType", Fault::NoIdType, Fault::BadIdType)?;
    let by_custom_id = match id_type {
        0 => true,
        2 => false,
        other => crate::bail!(BadIdType, "IdType: {other} is neither 0 nor 2"),
    };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for member in members {
        let ids = ids_of(&member);
        match read_member(member).and_then(|request| add_or_edit(cx, &request, by_custom_id)) {
            Ok(()) => good.push(with_ids(json!({}), ids)),
            Err(error) => {
                let errcode = codes::number(BATCH_ITEM, error.fault).to_string();
                bad.push(with_ids(json!({ "errcode": errcode, "errordesc": error.to_string() }), ids));
            }
        }
    }
    let info = json!({
        "Result": "Ok",
        "AddErrNum": bad.len().to_string(), "AddSucNum": good.len().to_string(),
        "AddErrInfo": bad, "AddSucInfo": good,
    });
    Ok(Answer::Batch { code: 200, info })
}

fn add_or_edit(cx: &Context, request: &PersonFields, by_custom_id: bool) -> Result<()> {
    let (custom_id, uuid) = if by_custom_id {
        let id = request.custom_id().ok_or_else(|| Error::new(Fault::NoCustomizeId, "CustomizeID: is missing"))?;
        (Some(id), None)
    } else {
        let uuid = request.uuid()?.ok_or_else(|| Error::new(Fault::NoUuid, "PersonUUID: is missing"))?;
        (None, Some(uuid))
    };
    let known = match (&custom_id, &uuid) {
        (Some(id), _) => cx.store.by_custom_id(*id),
        (None, Some(uuid)) => cx.store.by_uuid(uuid),
        (None, None) => None,
    };
    let check = request.check_similarity.is_some_and(Flag::on);
    match known {
        None => {
            let mut person = request.apply(&Person::new(cx.local()), cx)?;
            (person.custom_id, person.uuid) = (custom_id, uuid);
            cx.roster.check_free(&person)?;
            let photo = request.photo(cx)?.ok_or_else(|| Error::new(Fault::NoPicture, "picURI: is missing"))?;
            cx.roster.enrol(person, &photo, check).map(|_| ())
        }
        Some(old) => {
            // Fields not sent go back to their defaults; ids, photo, an automatic card and the date of
            // entry stay.
            let kept_card = match old.card {
                CardSource::Automatic(_) => old.card,
                _ => CardSource::Public,
            };
            let blank = Person { card: kept_card, ..Person::new(old.created) };
            let mut person = request.apply(&blank, cx)?;
            (person.id, person.custom_id, person.uuid) = (old.id, old.custom_id, old.uuid.clone());
            if request.card_from.is_none() && request.card_number.is_none() {
                person.card = CardSource::Public;
            }
            cx.roster.check_free(&person)?;
            let photo = request.photo(cx)?;
            cx.roster.edit(person, photo.as_deref(), check)
        }
    }
}

/// People to remove, by one kind of id.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DeletePerson {
    /// How many; the list itself is what counts.
    #[serde(rename = "TotalNum", default, deserialize_with = "blank")]
    pub total: Option<Text<16>>,
    /// Which id: 0 `CustomizeID`, 1 `LibID`, 2 `PersonUUID`.
    #[serde(rename = "IdType", default, deserialize_with = "blank")]
    pub id_type: Option<Int<0, 2>>,
    /// Numbers of the platform.
    #[serde(rename = "CustomizeID", default, deserialize_with = "one_or_many")]
    #[schemars(with = "Option<Vec<Int<0, 4_294_967_295>>>")]
    pub custom_ids: Option<Vec<Int<0, 4_294_967_295>>>,
    /// Numbers of the terminal.
    #[serde(rename = "LibID", default, deserialize_with = "one_or_many")]
    #[schemars(with = "Option<Vec<Int<0, 4_294_967_295>>>")]
    pub lib_ids: Option<Vec<Int<0, 4_294_967_295>>>,
    /// Text ids of the platform.
    #[serde(rename = "PersonUUID", default, deserialize_with = "one_or_many")]
    #[schemars(with = "Option<Vec<Text<48>>>")]
    pub uuids: Option<Vec<Text<48>>>,
}

/// Removes people with their photos and control records. Ids nobody has are passed over.
///
/// # Errors
/// When nobody has any of the ids, or the store.
pub fn delete(cx: &Context, request: DeletePerson) -> Result<Answer> {
    let id_type = request.id_type.map(Int::get).unwrap_or(match (&request.custom_ids, &request.lib_ids) {
        (Some(_), _) => 0,
        (None, Some(_)) => 1,
        (None, None) => 2,
    });
    let (name, count, found): (_, _, Vec<LibId>) = match id_type {
        0 => {
            let ids = request.custom_ids.unwrap_or_default();
            let found = ids.iter().filter_map(|id| cx.store.by_custom_id(id.u32()).map(|p| p.id)).collect();
            ("CustomizeID", ids.len(), found)
        }
        1 => {
            let ids = request.lib_ids.unwrap_or_default();
            let found = ids.iter().filter_map(|id| cx.store.person(LibId(id.u32())).map(|p| p.id)).collect();
            ("LibID", ids.len(), found)
        }
        _ => {
            let ids = request.uuids.unwrap_or_default();
            let found = ids.iter().filter_map(|id| cx.store.by_uuid(id.as_str().trim()).map(|p| p.id)).collect();
            ("PersonUUID", ids.len(), found)
        }
    };
    if count == 0 {
        crate::bail!(BadParameter, "{name}: is missing or empty, IdType is {id_type}");
    }
    if count > DELETE_MANY {
        crate::bail!(BadParameter, "{name}: {count} ids at once, at most {DELETE_MANY} are allowed");
    }
    if found.is_empty() {
        crate::bail!(NoPerson, "{name}: nobody has any of the {count} ids");
    }
    cx.roster.remove(&found)?;
    Ok(Answer::Done)
}

/// A check against doing it by accident.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DeleteAllPerson {
    /// 1.
    #[serde(rename = "DeleteAllPersonCheck", default, deserialize_with = "one_or_many")]
    #[schemars(with = "Option<Vec<Int<1, 1>>>")]
    pub check: Option<Vec<Int<1, 1>>>,
}

/// Removes everybody with all control records, then restarts the terminal (3.11.2).
///
/// # Errors
/// Without the check, or the store.
pub fn delete_all(cx: &Context, request: DeleteAllPerson) -> Result<Answer> {
    if request.check.is_none_or(|check| check.is_empty()) {
        crate::bail!(BadParameter, "DeleteAllPersonCheck: should be 1");
    }
    cx.roster.remove_all()?;
    if let Err(error) = cx.host.reboot() {
        tracing::warn!(%error, "everybody is removed, but the terminal does not restart");
    }
    Ok(Answer::Done)
}
