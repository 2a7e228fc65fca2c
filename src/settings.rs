//! What operators set: groups of plain structs with the document's names, ranges and defaults.
//!
//! A change is merged into a group, checked, persisted and only then published; readers hold one
//! consistent snapshot. A group is added here and nowhere else.

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::field::{DayTime, Flag, Int, IntText, LocalTime, Text};
use crate::numbered;

numbered! {
    /// Who decides that the door opens (3.2.3).
    pub enum OpenWay {
        /// A recognised face opens; remote opening has no effect.
        Face = 0,
        /// The platform opens; recognised faces open too but leave no record.
        Remote = 1,
        /// Both open.
        FaceOrRemote = 2,
        /// A recognised face asks the platform, which answers in its acknowledgement.
        FaceThenRemote = 3,
    }
}

numbered! {
    /// How a card number is laid out on the Wiegand lines (3.2).
    pub enum WiegandProtocol {
        /// 26 bits: one number of 24.
        W26 = 0,
        /// 34 bits: one number of 32.
        W34 = 1,
        /// 26 bits: facility code 8 and card 16.
        W26Facility = 4,
        /// 34 bits: facility code 8 and card 24.
        W34Facility = 5,
        /// As 4, entered in two fields.
        W26FacilitySplit = 6,
        /// As 5, entered in two fields.
        W34FacilitySplit = 7,
    }
}

numbered! {
    /// Which outputs open the door.
    pub enum ControlType {
        /// A frame to a door controller.
        Wiegand = 0,
        /// The terminal's relay.
        Relay = 1,
        /// Both.
        Both = 2,
    }
}

numbered! {
    /// What the relay does to open.
    pub enum IoType {
        /// The contact closes for the hold time.
        Close = 0,
        /// The contact opens for the hold time.
        Open = 1,
    }
}

numbered! {
    /// How card numbers are written in answers and pushes (3.10.5).
    pub enum CardMode {
        /// As a number.
        Decimal = 0,
        /// As a text of hexadecimal digits.
        Hex = 1,
    }
}

numbered! {
    /// When liveness is checked (3.30).
    pub enum LiveDetect {
        /// Of every face.
        Always = 0,
        /// Never.
        Off = 1,
        /// Between two times of day.
        Daily = 2,
    }
}

/// One group of settings: stored under `NAME`, patched as one.
pub trait Group: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The key it is stored under.
    const NAME: &'static str;

    /// Rules between fields; each field's own range is its type's matter.
    ///
    /// # Errors
    /// [`Fault::BadParameter`] naming the field.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Its place in the snapshot.
    fn of(all: &Settings) -> &Self;
    /// Its place in the snapshot, to be replaced.
    fn of_mut(all: &mut Settings) -> &mut Self;
}

/// Door conditions (3.2).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Door {
    /// Similarity from which a face is somebody on the lists.
    #[serde(rename = "FaceThreshold")]
    pub face_threshold: Int<50, 100>,
    /// Similarity from which a face is the ID card's.
    #[serde(rename = "IDCardThreshold")]
    pub id_card_threshold: Int<50, 100>,
    /// Seconds a verdict stays on the screen and the same person is not verified again.
    #[serde(rename = "VerifyResetTime")]
    pub verify_reset_s: Int<1, 10>,
    /// Who decides that the door opens.
    #[serde(rename = "OpendoorWay")]
    pub open_way: OpenWay,
    /// What has to be presented: 1 a face on the allow list.
    #[serde(rename = "VerifyMode")]
    pub verify_mode: Int<1, 793>,
    /// Layout of the card number on the Wiegand lines.
    #[serde(rename = "Wiegand")]
    pub wiegand: WiegandProtocol,
    /// Which outputs open the door.
    #[serde(rename = "ControlType")]
    pub control: ControlType,
    /// What the relay does to open.
    #[serde(rename = "IOType")]
    pub io_type: IoType,
    /// How long the relay holds, milliseconds.
    #[serde(rename = "IOStayTime")]
    pub io_stay_ms: Int<0, 600_000>,
    /// Card number sent for people with the public card and for remote opening.
    #[serde(rename = "PublicMjCardNo")]
    pub public_card: Int<0, 4_294_967_295>,
    /// First number given out automatically.
    #[serde(rename = "AutoMjCardBgnNo")]
    pub auto_card_first: Int<0, 4_294_967_295>,
    /// Last number given out automatically.
    #[serde(rename = "AutoMjCardEndNo")]
    pub auto_card_last: Int<0, 4_294_967_295>,
    /// Byte order of card numbers read from a reader: 0 big, 1 little.
    #[serde(rename = "Endian")]
    pub endian: Flag,
    /// How card numbers are written in answers and pushes.
    #[serde(rename = "CardMode")]
    pub card_mode: CardMode,
    /// Whether a stranger sends a Wiegand frame of all ones.
    #[serde(rename = "IsOutFF")]
    pub stranger_sends_ones: Flag,
    /// Seconds after an admission before the next person is verified.
    #[serde(rename = "SnapResetTime")]
    pub snap_reset_s: Int<0, 15>,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            face_threshold: Int::of(80),
            id_card_threshold: Int::of(50),
            verify_reset_s: Int::of(2),
            open_way: OpenWay::Face,
            verify_mode: Int::of(1),
            wiegand: WiegandProtocol::W34,
            control: ControlType::Both,
            io_type: IoType::Close,
            io_stay_ms: Int::of(1000),
            public_card: Int::of(1),
            auto_card_first: Int::of(1),
            auto_card_last: Int::of(65_535),
            endian: Flag::of(0),
            card_mode: CardMode::Decimal,
            stranger_sends_ones: Flag::of(0),
            snap_reset_s: Int::of(0),
        }
    }
}

impl Group for Door {
    const NAME: &'static str = "door";

    fn check(&self) -> Result<()> {
        if self.auto_card_first > self.auto_card_last {
            crate::bail!(
                BadParameter,
                "AutoMjCardBgnNo: {} is larger than AutoMjCardEndNo {}",
                self.auto_card_first.get(),
                self.auto_card_last.get()
            );
        }
        if self.open_way == OpenWay::FaceThenRemote {
            crate::bail!(BadParameter, "OpendoorWay: 3 is not offered by this version; use 0, 1 or 2");
        }
        if self.verify_mode.get() != 1 {
            crate::bail!(
                BadParameter,
                "VerifyMode: {} needs a card reader, temperature or mask sensor this terminal does not have; use 1",
                self.verify_mode.get()
            );
        }
        Ok(())
    }
    fn of(all: &Settings) -> &Self {
        &all.door
    }
    fn of_mut(all: &mut Settings) -> &mut Self {
        &mut all.door
    }
}

/// System parameters (3.30).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct System {
    /// Language of the screen: 0 English, 1 and 2 Chinese, 3 Portuguese, 4 Korean, 5 Russian, 6 Italian,
    /// 7 French, 8 Spanish, 9 Japanese.
    #[serde(rename = "Language")]
    pub language: Int<0, 9>,
    /// Whether the pictures of captures and records are kept.
    #[serde(rename = "DataBaseEnable")]
    pub keep_pictures: Flag,
    /// Kind of ID-card reader.
    #[serde(rename = "IDcardType")]
    pub id_card_reader: Int<0, 3>,
    /// Kind of card reader (reserved by the document).
    #[serde(rename = "CardReaderType")]
    pub card_reader: Int<0, 255>,
    /// Card rule (reserved by the document): 0 face and card, 1 face or card.
    #[serde(rename = "CardOpenDoorWay")]
    pub card_rule: Flag,
    /// Whether the screen frames faces.
    #[serde(rename = "FaceDisplay")]
    pub show_face_box: Flag,
    /// When liveness is checked.
    #[serde(rename = "LiveDetectType")]
    pub live_detect: LiveDetect,
    /// Start of the daily liveness check.
    #[serde(rename = "LiveDetectTimeBeg")]
    pub live_begin: DayTime,
    /// End of the daily liveness check.
    #[serde(rename = "LiveDetectTimeEnd")]
    pub live_end: DayTime,
    /// When the white light shines: 0 never, 1 by time, 2 by light, 3 by face, 4 face or time, 5 face or light.
    #[serde(rename = "LedLightType")]
    pub led_mode: Int<0, 5>,
    /// Start of the light's time.
    #[serde(rename = "LedTimeBeg")]
    pub led_begin: DayTime,
    /// End of the light's time.
    #[serde(rename = "LedTimeEnd")]
    pub led_end: DayTime,
    /// Brightness of the light, per cent.
    #[serde(rename = "LedBrightness")]
    pub led_brightness: Int<0, 100>,
    /// Seconds without a face after which the light goes out.
    #[serde(rename = "LedDisableAfterSec")]
    pub led_off_after_s: Int<0, 86_400>,
    /// Whether the screen goes dark when nobody is there.
    #[serde(rename = "LcdBLDisable")]
    pub backlight_saves: Flag,
    /// Seconds without a face after which the screen goes dark.
    #[serde(rename = "LcdBLDisableAfterSec")]
    pub backlight_off_after_s: Int<0, 86_400>,
    /// Brightness of the screen, per cent (reserved by the document).
    #[serde(rename = "ScreenBrightness")]
    pub screen_brightness: Int<0, 100>,
    /// Minutes after which a web login ends.
    #[serde(rename = "WebTimeOut")]
    pub web_timeout_min: Int<2, 10>,
}

impl Default for System {
    fn default() -> Self {
        let hour = |h| DayTime(jiff::civil::Time::constant(h, 0, 0, 0));
        Self {
            language: Int::of(1),
            keep_pictures: Flag::of(1),
            id_card_reader: Int::of(0),
            card_reader: Int::of(1),
            card_rule: Flag::of(0),
            show_face_box: Flag::of(1),
            live_detect: LiveDetect::Off,
            live_begin: hour(7),
            live_end: hour(19),
            led_mode: Int::of(0),
            led_begin: hour(19),
            led_end: hour(7),
            led_brightness: Int::of(50),
            led_off_after_s: Int::of(30),
            backlight_saves: Flag::of(0),
            backlight_off_after_s: Int::of(60),
            screen_brightness: Int::of(50),
            web_timeout_min: Int::of(5),
        }
    }
}

impl System {
    /// Whether liveness is checked at this local time; a window may reach over midnight.
    #[must_use]
    pub fn liveness_at(&self, now: LocalTime) -> bool {
        let (time, begin, end) = (now.0.time(), self.live_begin.0, self.live_end.0);
        match self.live_detect {
            LiveDetect::Always => true,
            LiveDetect::Off => false,
            LiveDetect::Daily if begin <= end => begin <= time && time <= end,
            LiveDetect::Daily => time >= begin || time <= end,
        }
    }
}

impl Group for System {
    const NAME: &'static str = "system";
    fn of(all: &Settings) -> &Self {
        &all.system
    }
    fn of_mut(all: &mut Settings) -> &mut Self {
        &mut all.system
    }
}

/// Face recognition parameters (3.34), in pixels of the 960x1280 sensor frame.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Face {
    /// Largest distance at which faces are verified, centimetres.
    #[serde(rename = "recDistance")]
    pub distance_cm: IntText<30, 200>,
    /// Smallest face width, pixels; given up by the document in favour of the distance.
    #[serde(rename = "faceMinPixel")]
    pub min_width_px: IntText<0, 960>,
    /// Left edge of the area in which faces are looked for.
    #[serde(rename = "detectArea_x")]
    pub area_x: Int<0, 960>,
    /// Upper edge of the area.
    #[serde(rename = "detectArea_y")]
    pub area_y: Int<0, 1280>,
    /// Width of the area.
    #[serde(rename = "detectArea_w")]
    pub area_w: Int<0, 960>,
    /// Height of the area.
    #[serde(rename = "detectArea_h")]
    pub area_h: IntText<0, 1280>,
}

/// Face width in pixels of the sensor frame times distance in centimetres: the document pairs 200 cm with
/// 122 pixels in its own example.
const WIDTH_TIMES_DISTANCE: i64 = 122 * 200;

impl Default for Face {
    fn default() -> Self {
        Self {
            distance_cm: IntText(Int::of(200)),
            min_width_px: IntText(Int::of(122)),
            area_x: Int::of(0),
            area_y: Int::of(0),
            area_w: Int::of(960),
            area_h: IntText(Int::of(1280)),
        }
    }
}

impl Face {
    /// The face width that stands at `distance_cm` before the camera, pixels of the sensor frame.
    #[must_use]
    pub fn width_at(distance_cm: i64) -> i64 {
        (WIDTH_TIMES_DISTANCE / distance_cm.max(1)).min(960)
    }
}

impl Group for Face {
    const NAME: &'static str = "face";

    fn check(&self) -> Result<()> {
        let area = [
            ("detectArea_x", self.area_x.get()),
            ("detectArea_y", self.area_y.get()),
            ("detectArea_w", self.area_w.get()),
            ("detectArea_h", self.area_h.0.get()),
        ];
        if let Some((name, value)) = area.iter().find(|(_, value)| value % 2 != 0) {
            crate::bail!(BadParameter, "{name}: {value} is odd, an even number is needed");
        }
        if self.area_x.get() + self.area_w.get() > 960 {
            crate::bail!(
                BadParameter,
                "detectArea_w: reaches beyond the frame, detectArea_x + detectArea_w is over 960"
            );
        }
        if self.area_y.get() + self.area_h.0.get() > 1280 {
            crate::bail!(
                BadParameter,
                "detectArea_h: reaches beyond the frame, detectArea_y + detectArea_h is over 1280"
            );
        }
        Ok(())
    }
    fn of(all: &Settings) -> &Self {
        &all.face
    }
    fn of_mut(all: &mut Settings) -> &mut Self {
        &mut all.face
    }
}

/// The terminal's name (3.9).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Device {
    /// Shown to platforms, at most 63 characters.
    #[serde(rename = "Name")]
    pub name: Text<63>,
}

impl Default for Device {
    fn default() -> Self {
        Self { name: Text::new("facegate").unwrap_or_default() }
    }
}

impl Group for Device {
    const NAME: &'static str = "device";
    fn of(all: &Settings) -> &Self {
        &all.device
    }
    fn of_mut(all: &mut Settings) -> &mut Self {
        &mut all.device
    }
}

/// Time zone (3.6); the protocol's zones are fixed offsets without summer time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ntp {
    /// Row of the document's zone table: 14 is GMT, 25 is GMT+8.
    #[serde(rename = "NtpTimeZone")]
    pub zone: Int<1, 30>,
}

impl Default for Ntp {
    fn default() -> Self {
        Self { zone: Int::of(25) }
    }
}

/// Minutes east of Greenwich by row of the zone table, row 1 first (3.6).
const ZONE_MINUTES: [i32; 30] = [
    -720, -660, -600, -540, -480, -420, -360, -300, -240, -210, -180, -120, -60, 0, 60, 120, 180, 210, 240, 270, 300,
    330, 360, 420, 480, 540, 570, 600, 660, 720,
];

impl Ntp {
    fn offset(&self) -> jiff::tz::Offset {
        let minutes = usize::try_from(self.zone.get() - 1).ok().and_then(|row| ZONE_MINUTES.get(row));
        jiff::tz::Offset::from_seconds(minutes.copied().unwrap_or(0) * 60).unwrap_or(jiff::tz::Offset::UTC)
    }

    /// What the clock on the wall shows, whole seconds.
    #[must_use]
    pub fn local(&self, wall: jiff::Timestamp) -> LocalTime {
        let now = self.offset().to_datetime(wall);
        LocalTime(now.with().subsec_nanosecond(0).build().unwrap_or(now))
    }

    /// The moment at which the clock on the wall shows `local`.
    #[must_use]
    pub fn moment(&self, local: LocalTime) -> Option<jiff::Timestamp> {
        self.offset().to_timestamp(local.0).ok()
    }
}

impl Group for Ntp {
    const NAME: &'static str = "ntp";
    fn of(all: &Settings) -> &Self {
        &all.ntp
    }
    fn of_mut(all: &mut Settings) -> &mut Self {
        &mut all.ntp
    }
}

/// Who may call the API (3.3). The password is kept as a salted hash only.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// User name; empty until the first password is set, which means the document's default applies.
    pub user: String,
    /// PHC string of the password's Argon2id hash.
    pub password_hash: String,
}

impl Group for Account {
    const NAME: &'static str = "account";
    fn of(all: &Settings) -> &Self {
        &all.account
    }
    fn of_mut(all: &mut Settings) -> &mut Self {
        &mut all.account
    }
}

/// The HTTP subscription in force (3.12); no topics means none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    /// Counts up with every Subscribe, so a pusher notices a replacement.
    pub generation: u64,
    /// Topics as given: `Snap`, `Verify`, `VerifyWithSnap`, …
    pub topics: Vec<String>,
    /// `http://host:port`.
    pub address: String,
    /// Path by topic, as given.
    pub paths: std::collections::BTreeMap<String, String>,
    /// Seconds between heartbeats.
    pub beat_s: u32,
    /// Seconds between timed pushes; `None`: at once.
    pub push_interval_s: Option<u32>,
    /// User and password for Basic authentication; `None`: none.
    pub login: Option<(String, String)>,
    /// Whether events wait for an acknowledgement.
    pub resume: bool,
    /// Events before this local time are not pushed.
    pub begin: Option<LocalTime>,
}

impl Group for Subscription {
    const NAME: &'static str = "subscription";
    fn of(all: &Settings) -> &Self {
        &all.subscription
    }
    fn of_mut(all: &mut Settings) -> &mut Self {
        &mut all.subscription
    }
}

/// One consistent view of all settings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Door conditions.
    pub door: Door,
    /// System parameters.
    pub system: System,
    /// Face recognition parameters.
    pub face: Face,
    /// Name of the terminal.
    pub device: Device,
    /// Time zone.
    pub ntp: Ntp,
    /// Login of the API.
    pub account: Account,
    /// HTTP subscription.
    pub subscription: Subscription,
}

/// Where groups are kept; the store's settings tree, or nothing in pure tests.
pub trait Keeper: Send + Sync {
    /// The stored form of a group.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, group: &str) -> Result<Option<Vec<u8>>>;
    /// Keeps a group; on the disk when it returns.
    ///
    /// # Errors
    /// When the store cannot be written; the old value then stands.
    fn save(&self, group: &str, value: &[u8]) -> Result<()>;
}

/// The settings in force: read by anyone as a snapshot, changed one group at a time.
pub struct Live {
    current: ArcSwap<Settings>,
    keeper: Arc<dyn Keeper>,
    /// One change at a time.
    turn: Mutex<()>,
    watchers: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// Loads every group; an unreadable one falls back to its default and is said in the log.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn load(keeper: Arc<dyn Keeper>) -> Result<Self> {
        let mut all = Settings::default();
        load_group::<Door>(&*keeper, &mut all)?;
        load_group::<System>(&*keeper, &mut all)?;
        load_group::<Face>(&*keeper, &mut all)?;
        load_group::<Device>(&*keeper, &mut all)?;
        load_group::<Ntp>(&*keeper, &mut all)?;
        load_group::<Account>(&*keeper, &mut all)?;
        load_group::<Subscription>(&*keeper, &mut all)?;
        Ok(Self { current: ArcSwap::from_pointee(all), keeper, turn: Mutex::default(), watchers: Mutex::default() })
    }

    /// The settings now.
    #[must_use]
    pub fn now(&self) -> Arc<Settings> {
        self.current.load_full()
    }

    /// Calls `watcher` after every change.
    pub fn watch(&self, watcher: impl Fn() + Send + 'static) {
        lock(&self.watchers).push(Box::new(watcher));
    }

    /// Merges the known fields of `patch` into a group; `null` means absent, unknown fields pass.
    ///
    /// # Errors
    /// [`Fault::BadParameter`] naming the first wrong field; nothing is changed then.
    pub fn patch<G: Group>(&self, patch: &Map<String, Value>) -> Result<()> {
        self.change::<G>(|group| {
            let mut merged =
                serde_json::to_value(&*group).map_err(|e| Error::new(Fault::StoreFailed, G::NAME).because(e))?;
            if let Some(fields) = merged.as_object_mut() {
                for (name, field) in fields.iter_mut() {
                    if let Some(value) = patch.get(name).filter(|v| !v.is_null()) {
                        field.clone_from(value);
                    }
                }
            }
            *group = serde_path_to_error::deserialize(merged)
                .map_err(|e| Error::new(Fault::BadParameter, format!("{}: {}", e.path(), e.inner())))?;
            Ok(())
        })
    }

    /// Changes a group in place: checked, persisted, then published.
    ///
    /// # Errors
    /// Whatever `edit` or the group's own check refuses, or [`Fault::StoreFailed`]; nothing is changed then.
    pub fn change<G: Group>(&self, edit: impl FnOnce(&mut G) -> Result<()>) -> Result<()> {
        let _turn = lock(&self.turn);
        let mut all = Settings::clone(&self.now());
        let group = G::of_mut(&mut all);
        edit(group)?;
        group.check()?;
        let bytes = serde_json::to_vec(group).map_err(|e| Error::new(Fault::StoreFailed, G::NAME).because(e))?;
        self.keeper.save(G::NAME, &bytes)?;
        self.current.store(Arc::new(all));
        for watcher in lock(&self.watchers).iter() {
            watcher();
        }
        Ok(())
    }
}

fn load_group<G: Group>(keeper: &dyn Keeper, all: &mut Settings) -> Result<()> {
    let Some(bytes) = keeper.load(G::NAME)? else { return Ok(()) };
    let read = serde_json::from_slice::<G>(&bytes).map_err(|e| e.to_string());
    match read.and_then(|group| group.check().map(|()| group).map_err(|e| e.to_string())) {
        Ok(group) => *G::of_mut(all) = group,
        // The default login is no answer to a damaged one: it would let everybody in.
        Err(why) if G::NAME == Account::NAME => {
            crate::bail!(StoreFailed, "the stored login is unreadable ({why}); restore the data folder or remove it")
        }
        Err(why) => tracing::error!(group = G::NAME, why, "stored settings unreadable, using defaults"),
    }
    Ok(())
}
