//! What can go wrong, without numbers: the wire's numbers belong to the pages of `api::codes`.

use std::fmt;

/// A meaning, not a number. `text` is the document's wording where it has one (C.10.1.1, C.10.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// The path names no operator, or the body another one than the path.
    UnknownOperator,
    /// The body cannot be read as JSON, not even leniently.
    NotJson,
    /// A field is missing, of the wrong type or out of range.
    BadParameter,
    /// `DeviceID` is another terminal's.
    WrongDevice,
    /// Neither picture nor picture address was given.
    NoPicture,
    /// The picture's text is no base64.
    BadBase64,
    /// The bytes are no picture this terminal reads, are cut short, or unfold to too much.
    BadPicture,
    /// The picture is larger than allowed.
    PictureTooLarge,
    /// The picture shows no face that can be enrolled.
    NoFace,
    /// The picture's address cannot be understood or its host not found.
    UriAddress,
    /// The picture's server does not answer, answers an error, or is too slow.
    UriConnect,
    /// The picture's server sent too few bytes for a picture.
    UriTooShort,
    /// Somebody already bears this `CustomizeID` or `PersonUUID`.
    IdExists,
    /// Somebody already bears this Wiegand card.
    CardExists,
    /// Somebody already bears this RF card.
    RfCardExists,
    /// The face is already enrolled (similarity check).
    PersonExists,
    /// Nobody bears the given id.
    NoPerson,
    /// The id the request chooses by is missing: `CustomizeID`.
    NoCustomizeId,
    /// The id the request chooses by is missing: `PersonUUID`.
    NoUuid,
    /// `WGFacilityCode` is missing or wrong.
    BadFacility,
    /// `MjCardNo` is missing or wrong, or the automatic range is used up.
    BadCard,
    /// The terminal holds as many people as it can.
    Full,
    /// The store could not keep it; nothing was changed.
    StoreFailed,
    /// The setting in force forbids it.
    NotAllowed,
    /// A subscription names an unknown topic.
    UnknownTopic,
    /// `Num` is missing or wrong.
    BadNum,
    /// `Topics` is missing or empty.
    BadTopics,
    /// The batch's `Total` is missing.
    NoTotal,
    /// The batch's `Total` lies outside its range.
    TotalOutOfRange,
    /// The batch holds another number of people than `Total` says.
    TotalMismatch,
    /// The command holds no `info` (MQTT).
    NoInfo,
    /// The batch does not begin with its marker (MQTT).
    NoBegin,
    /// The batch does not end with its marker (MQTT).
    NoEnd,
    /// The packet is longer than is read (MQTT).
    TooLarge,
    /// The batch's `IdType` is missing.
    NoIdType,
    /// The batch's `IdType` is none it works with.
    BadIdType,
    /// Nothing matches the search.
    NothingFound,
    /// What was asked for is still being done for an earlier request.
    Busy,
    /// `TimeS` is missing or wrong.
    BadTimeS,
    /// `TimeE` is missing or wrong.
    BadTimeE,
    /// Nobody has subscribed to what is to be pushed.
    NoSubscription,
    /// The address of a package is missing or wrong.
    BadPath,
    /// The package's server does not have it.
    NoPackage,
    /// The name of a version is missing or wrong.
    BadName,
    /// The package could not be fetched.
    DownloadFailed,
    /// The package is larger than allowed.
    PackageTooLarge,
    /// The package is shorter or longer than its server said.
    PackageLength,
    /// A package is refused, or cannot be installed.
    UpgradeFailed,
    /// A part of the terminal this needs is not there or does not work.
    Unavailable,
}

impl Fault {
    /// The wording platforms match on; the document's own spelling is kept.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownOperator => "Unknow operator",
            Self::NotJson => "is not json!",
            Self::BadParameter => "Parameter error",
            Self::WrongDevice => "Unkonw DeviceID",
            Self::NoPicture => "Unkonw picinfo and get picURI error",
            Self::BadBase64 => "picinfo Base64 decode error",
            Self::BadPicture => "picture decode error",
            Self::PictureTooLarge => "picture too large",
            Self::NoFace => "Face Undetected",
            Self::UriAddress => "Get URI server ip error",
            Self::UriConnect => "Get picinfo and connect URI IP error",
            Self::UriTooShort => "Get URI pic data too short",
            Self::IdExists => "CustomizeID or UUID had existed",
            Self::CardExists => "WG_CardNo already exist",
            Self::RfCardExists => "ID_CardNo already exist",
            Self::PersonExists => "Person already exist",
            Self::NoPerson => "Person not exist",
            Self::NoCustomizeId => "Unkonw CustomizeID",
            Self::NoUuid => "Unkonw PersonUUID",
            Self::BadFacility => "Get WGFacilityCode error",
            Self::BadCard => "Get MjCardNo error",
            Self::Full => "Person list full",
            Self::StoreFailed => "Database error",
            Self::NotAllowed => "Not allowed by settings",
            Self::UnknownTopic => "Unkonw Topic",
            Self::BadNum => "Unkonw Num",
            Self::BadTopics => "Unkonw Topics",
            Self::NoTotal => "UnKnown Total",
            Self::TotalOutOfRange => "Total out of range",
            Self::TotalMismatch => "json of data and Total is not equal",
            Self::NoInfo => "can not find info",
            Self::NoBegin => "can not find DataBegin",
            Self::NoEnd => "can not find DataEnd",
            Self::TooLarge => "packet too large",
            Self::NoIdType => "UnKnown IdType",
            Self::BadIdType => "IdType error",
            Self::NothingFound => "No record",
            Self::Busy => "Not finished yet",
            Self::BadTimeS => "Unknow TimeS",
            Self::BadTimeE => "Unknow TimeE",
            Self::NoSubscription => "No subscription",
            Self::BadPath => "Unkonw Path",
            Self::NoPackage => "Can't find upgrade file",
            Self::BadName => "Unkonw Name",
            Self::DownloadFailed => "Download failed",
            Self::PackageTooLarge => "Upgrade file too big",
            Self::PackageLength => "Upgrade file length error",
            Self::UpgradeFailed => "Upgrade failed",
            Self::Unavailable => "Not available",
        }
    }
}

/// A fault with what a person needs to mend it, and the cause for the log.
#[derive(Debug)]
pub struct Error {
    /// What it means.
    pub fault: Fault,
    /// Which field and why; empty when the fault says it all. Shown to the caller.
    pub detail: String,
    /// The underlying error; for the log only.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result whose error carries a [`Fault`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A fault about something particular.
    #[must_use]
    pub fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self { fault, detail: detail.into(), source: None }
    }

    /// Puts the name of the field it is about in front of the detail.
    #[must_use]
    pub fn about(mut self, field: &str) -> Self {
        self.detail = if self.detail.is_empty() { field.to_owned() } else { format!("{field}: {}", self.detail) };
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(fault, "")
    }
}

/// The document's wording, then what this case is about.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.text())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// An error with its causes, in one line for people: what is said already is not said again.
#[must_use]
pub fn reason(error: &dyn std::error::Error) -> String {
    let plain = |error: &dyn std::error::Error| {
        let text = error.to_string();
        // Says nothing beside a detail.
        let detail = text.strip_prefix(Fault::Unavailable.text()).and_then(|rest| rest.strip_prefix(": "));
        detail.unwrap_or(&text).to_owned()
    };
    let mut text = plain(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = plain(cause);
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

/// Returns an [`Error`] of a fault with a formatted detail.
#[macro_export]
macro_rules! bail {
    ($fault:ident) => { return Err($crate::error::Error::from($crate::error::Fault::$fault)) };
    ($fault:ident, $($arg:tt)+) => {
        return Err($crate::error::Error::new($crate::error::Fault::$fault, format!($($arg)+)))
    };
}
