//! What operators set: groups of plain structs with the document's names, ranges and defaults.
//!
//! A change is merged into a group, checked, persisted and only then published; readers hold one
//! consistent snapshot. A group is a struct in a file of this folder and a line in the list below.

mod center;
mod device;
mod door;
mod face;
mod general;
mod handshake;
mod mqtt;
mod network;
mod panel;
mod passwords;
mod rtsp;
mod server;
mod subscription;
mod system;
mod temperature;
mod time;

use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use self::center::Center;
pub use self::device::{Account, Device};
pub use self::door::{Basis, CardMode, ControlType, Door, IoType, OpenWay, VerifyMode, WiegandProtocol};
pub use self::face::Face;
pub use self::general::{Direction, General, Restarted};
pub use self::handshake::{Handshake, MOST_HANDSHAKE_BYTES};
pub use self::mqtt::{Mqtt, MqttDirection, MqttMore, RecordUpload};
pub use self::network::{Network, NetworkBefore, NetworkUndo, Route, Wifi, WifiSecurity};
pub use self::panel::{PASS_TEXT, Panel, REFUSED_TEXT, STRANGER_TEXT, ShowName, ShownPicture};
pub use self::passwords::Passwords;
pub use self::rtsp::Rtsp;
pub use self::server::{Channels, EnterIpc, IpCamera, Member, ServerBasics, Worktype, Worktypes, put};
pub use self::subscription::Subscription;
pub use self::system::{LiveDetect, System};
pub use self::temperature::Temperature;
pub use self::time::Ntp;
use crate::clock::lock;
use crate::error::{Error, Fault, Result};

/// Rules between the fields of a group; each field's own range is its type's matter.
pub trait Rules {
    /// Whether the fields go together.
    ///
    /// # Errors
    /// [`Fault::BadParameter`] naming the field.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// One group of settings: stored under `NAME`, patched as one.
pub trait Group: Rules + Serialize + DeserializeOwned + Default + Clone + Send + Sync + 'static {
    /// The key it is stored under.
    const NAME: &'static str;
    /// Its place in the snapshot.
    fn of(all: &Settings) -> &Self;
    /// Its place in the snapshot, to be replaced.
    fn of_mut(all: &mut Settings) -> &mut Self;
}

/// The list of groups: `/// doc  field: Type = "stored name"`.
macro_rules! groups {
    ($($(#[$doc:meta])* $field:ident: $group:ident = $name:literal),+ $(,)?) => {
        /// One consistent view of all settings.
        #[derive(Clone, Debug, Default)]
        pub struct Settings { $($(#[$doc])* pub $field: $group),+ }

        $(impl Group for $group {
            const NAME: &'static str = $name;
            fn of(all: &Settings) -> &Self {
                &all.$field
            }
            fn of_mut(all: &mut Settings) -> &mut Self {
                &mut all.$field
            }
        })+

        impl Settings {
            fn load(keeper: &dyn Keeper) -> Result<Self> {
                let mut all = Self::default();
                $(load_group::<$group>(keeper, &mut all)?;)+
                Ok(all)
            }

            /// Whether the stored form of a group can be read and obeys its rules; `None`: no such group is known.
            #[must_use]
            pub fn check_stored(name: &str, stored: &[u8]) -> Option<Result<(), String>> {
                match name {
                    $($name => Some(read_group::<$group>(stored).map(|_| ())),)+
                    _ => None,
                }
            }
        }
    };
}

groups! {
    /// Door conditions (3.2).
    door: Door = "door",
    /// Sounds, tips and the screen's contents (3.1).
    panel: Panel = "panel",
    /// Wired network (3.4).
    network: Network = "network",
    /// WiFi (3.33).
    wifi: Wifi = "wifi",
    /// What the network goes back to unless somebody logs in.
    network_undo: NetworkUndo = "network-undo",
    /// Direction and restart (3.23).
    general: General = "general",
    /// When the terminal last restarted by itself.
    restarted: Restarted = "restarted",
    /// Body temperature (3.27).
    temperature: Temperature = "temperature",
    /// System parameters (3.30).
    system: System = "system",
    /// Face recognition parameters (3.34).
    face: Face = "face",
    /// Name of the terminal (3.9).
    device: Device = "device",
    /// Time zone and time servers (3.6).
    ntp: Ntp = "ntp",
    /// Login of the API (3.3).
    account: Account = "account",
    /// HTTP subscription (3.12).
    subscription: Subscription = "subscription",
    /// Connection to a centre (3.7).
    center: Center = "center",
    /// Cameras of the multi-channel server (3.15).
    enter_ipc: EnterIpc = "enter-ipc",
    /// Basic parameters of that server (3.16).
    server: ServerBasics = "server",
    /// Kinds of people of that server (3.17).
    worktypes: Worktypes = "worktypes",
    /// Passwords of the keypad (3.21).
    passwords: Passwords = "passwords",
    /// What a platform keeps here for itself (3.28).
    handshake: Handshake = "handshake",
    /// Connection to an MQTT server (3.31).
    mqtt: Mqtt = "mqtt",
    /// What the MQTT protocol sets beyond the document.
    mqtt_more: MqttMore = "mqtt-more",
    /// The camera's picture as a stream (3.35).
    rtsp: Rtsp = "rtsp",
}

/// Where groups are kept; the store's settings tree, or nothing in pure tests.
pub trait Keeper: Send + Sync {
    /// The stored form of a group.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self, group: &str) -> Result<Option<Vec<u8>>>;
    /// Keeps groups, name and stored form, all or none; on the disk when it returns.
    ///
    /// # Errors
    /// When the store cannot be written; the old values then stand.
    fn save(&self, groups: &[(&'static str, Vec<u8>)]) -> Result<()>;
    /// Says that what is kept is damaged.
    fn tell(&self, what: &str) {
        tracing::error!(what, "the settings");
    }
}

/// The settings in force: read by anyone as a snapshot, changed one group at a time.
pub struct Live {
    current: ArcSwap<Settings>,
    keeper: Arc<dyn Keeper>,
    /// One change at a time.
    turn: Mutex<()>,
    watchers: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

#[cfg(test)]
impl Live {
    /// Settings that nobody keeps, for tests of what follows them.
    pub(crate) fn unkept() -> Arc<Self> {
        struct Nowhere;
        impl Keeper for Nowhere {
            fn load(&self, _: &str) -> Result<Option<Vec<u8>>> {
                Ok(None)
            }
            fn save(&self, _: &[(&'static str, Vec<u8>)]) -> Result<()> {
                Ok(())
            }
        }
        Arc::new(Self::load(Arc::new(Nowhere)).expect("nothing is kept that could be damaged"))
    }
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
        let all = Settings::load(&*keeper)?;
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
        self.edit(|draft| draft.patch::<G>(patch))
    }

    /// Puts a group back to what it was when the terminal was new.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`]; nothing is changed then.
    pub fn reset<G: Group>(&self) -> Result<()> {
        self.edit(Draft::reset::<G>)
    }

    /// Changes a group in place: checked, persisted, then published.
    ///
    /// # Errors
    /// Whatever `edit` or the group's own check refuses, or [`Fault::StoreFailed`]; nothing is changed then.
    pub fn change<G: Group>(&self, edit: impl FnOnce(&mut G) -> Result<()>) -> Result<()> {
        self.edit(|draft| draft.change(edit))
    }

    /// Changes several groups as one: all of them checked, persisted together, then published.
    ///
    /// # Errors
    /// Whatever `edit` refuses, or [`Fault::StoreFailed`]; nothing is changed then.
    pub fn edit<T>(&self, edit: impl FnOnce(&mut Draft) -> Result<T>) -> Result<T> {
        let _turn = lock(&self.turn);
        let mut draft = Draft { all: Settings::clone(&self.now()), changed: Vec::new() };
        let done = edit(&mut draft)?;
        if draft.changed.is_empty() {
            return Ok(done);
        }
        self.keeper.save(&draft.changed)?;
        self.current.store(Arc::new(draft.all));
        for watcher in lock(&self.watchers).iter() {
            watcher();
        }
        Ok(done)
    }
}

/// Settings about to be changed.
#[derive(Debug)]
pub struct Draft {
    all: Settings,
    /// Name and stored form of the groups that were changed.
    changed: Vec<(&'static str, Vec<u8>)>,
}

impl Draft {
    /// The settings as changed so far.
    #[must_use]
    pub const fn now(&self) -> &Settings {
        &self.all
    }

    /// Merges the known fields of `patch` into a group, as [`Live::patch`] does.
    ///
    /// # Errors
    /// [`Fault::BadParameter`] naming the first wrong field.
    pub fn patch<G: Group>(&mut self, patch: &Map<String, Value>) -> Result<()> {
        self.change::<G>(|group| {
            *group = merged(group, patch)?;
            Ok(())
        })
    }

    /// Puts a group back, as [`Live::reset`] does.
    ///
    /// # Errors
    /// [`Fault::StoreFailed`].
    pub fn reset<G: Group>(&mut self) -> Result<()> {
        self.change::<G>(|group| {
            *group = G::default();
            Ok(())
        })
    }

    /// Changes a group in place and checks it.
    ///
    /// # Errors
    /// Whatever `edit` or the group's own check refuses.
    pub fn change<G: Group>(&mut self, edit: impl FnOnce(&mut G) -> Result<()>) -> Result<()> {
        let group = G::of_mut(&mut self.all);
        edit(group)?;
        group.check()?;
        let bytes = serde_json::to_vec(group).map_err(|e| Error::new(Fault::StoreFailed, G::NAME).because(e))?;
        self.changed.retain(|(name, _)| *name != G::NAME);
        self.changed.push((G::NAME, bytes));
        Ok(())
    }
}

/// `old` with the known fields of `patch` laid over it; `null` means absent, unknown fields pass. What goes together is
/// not checked yet.
///
/// # Errors
/// [`Fault::BadParameter`] naming the first wrong field.
pub fn merged<T: Serialize + DeserializeOwned>(old: &T, patch: &Map<String, Value>) -> Result<T> {
    let mut fields = serde_json::to_value(old).map_err(|e| Error::new(Fault::StoreFailed, "settings").because(e))?;
    if let Some(fields) = fields.as_object_mut() {
        for (name, field) in fields.iter_mut() {
            if let Some(value) = patch.get(name).filter(|v| !v.is_null()) {
                field.clone_from(value);
            }
        }
    }
    serde_path_to_error::deserialize(fields)
        .map_err(|e| Error::new(Fault::BadParameter, format!("{}: {}", e.path(), e.inner())))
}

fn load_group<G: Group>(keeper: &dyn Keeper, all: &mut Settings) -> Result<()> {
    let Some(bytes) = keeper.load(G::NAME)? else { return Ok(()) };
    match read_group::<G>(&bytes) {
        Ok(group) => *G::of_mut(all) = group,
        // The default login is no answer to a damaged one: it would let everybody in. The door goes on.
        Err(why) if G::NAME == Account::NAME => {
            all.account = Account::locked();
            keeper.tell(&format!("the stored login is unreadable ({why}): nobody can log in; restore a backup"));
        }
        Err(why) => keeper.tell(&format!("the stored settings '{}' are unreadable ({why}); defaults apply", G::NAME)),
    }
    Ok(())
}

fn read_group<G: Group>(stored: &[u8]) -> Result<G, String> {
    let group = serde_json::from_slice::<G>(stored).map_err(|e| e.to_string())?;
    group.check().map(|()| group).map_err(|e| e.to_string())
}
