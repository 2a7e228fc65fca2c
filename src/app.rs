//! The only wiring: builds every part, joins them with channels, starts and stops them.
//!
//! `threads` starts what must not die unnoticed, `door` those of the door itself, `eyes` what sees, `panel` what is seen,
//! `serving` the API, `sinks` the ways out for events, `watching` tells them what is new, `housekeepers` are the three that look
//! after the machine. `identity` is what the terminal is known by, `enrol` takes in a folder of photos, `health` looks what works
//! and `proving` whether a new release does, `ending` is why and when all of it ends.

mod door;
mod ending;
mod enrol;
mod eyes;
mod health;
mod housekeepers;
mod identity;
mod panel;
mod proving;
mod serving;
mod sinks;
mod threads;
mod watching;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::request::Parts;
use tracing::{error, info, warn};

use crate::api;
use crate::api::web::Web;
use crate::backup;
use crate::board::{Board, CameraRole, Fail};
use crate::camera::Newest;
use crate::clock::{Clock, Inbox, Outbound};
use crate::condition::Conditions;
use crate::control::decisions::Decisions;
use crate::fetch::Fetch;
use crate::hal::Devices;
use crate::hal::linux::supervisor;
use crate::hal::sim::World;
use crate::light::{self, Lights};
use crate::models;
use crate::network::Guard;
use crate::push::http::Post;
use crate::push::message::Author;
use crate::release::trial::{Deadline, Trial};
use crate::release::{Releases, Running};
use crate::roster::Roster;
use crate::settings::Live;
use crate::sim::{self, Sim};
use crate::sound::{self, Sounds};
use crate::store::Store;
use crate::ui::lettering::Fonts;
use crate::ui::{Display, Presenter, Screen};
use crate::upgrade::installer::Installer;
use crate::upgrade::{self, Upgrade};

use door::Door;
pub use ending::Ending;
use eyes::Eyes;
use health::Sight;
use housekeepers::Housekeepers;
use panel::Panel;
use proving::Proving;
use serving::Serving;
use sinks::Sinks;
use threads::Threads;

/// How long a picture may take to come from its address.
const FETCH_TIME: Duration = Duration::from_secs(10);
/// What a terminal without a panel would show, it shows in this size.
const NO_PANEL: (u32, u32) = (720, 1280);
/// Says in the data folder how the relay is while the door is locked, for whoever has to lock it without the terminal.
pub const REST_FILE: &str = "relay-at-rest";

/// An error on the way to a running terminal.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is not the board's matter.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Number of the terminal; `None`: the simulator's, or one made at the first start.
    pub device_id: Option<u32>,
    /// Photos enrolled at start; the file name becomes the name.
    pub people: Option<PathBuf>,
    /// The release this process is of.
    pub running: Running,
    /// It has to prove itself.
    pub trial: Option<Trial>,
}

/// A running terminal.
pub struct App {
    housekeepers: Housekeepers,
    device_id: u32,
    store: Arc<Store>,
    eyes: Eyes,
    settings: Arc<Live>,
    decisions: Arc<Decisions>,
    world: Option<Arc<World>>,
    sounds: Arc<Sounds>,
    light: Outbound<light::Event>,
    panel: Option<Panel>,
    door: Door,
    sinks: Sinks,
    upgrade: Upgrade,
    proving: Proving,
    deadline: Option<Deadline>,
    runtime: tokio::runtime::Runtime,
    /// Why it is to end.
    ending: ending::Asked,
    serving: Serving,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("address", &self.address())
            .field("device_id", &self.device_id)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Starts a terminal of `board` on opened `devices`.
    ///
    /// # Errors
    /// What is missing or does not open, and what to do about it.
    pub fn start(board: Board, devices: Devices, clock: Arc<dyn Clock>, options: Options) -> Result<Self, Failure> {
        // Whoever starts a simulator without models has made a mistake; a door without them still has its button.
        let simulated = devices.sim.is_some();
        // From now on: a new release that hangs at its start ends too.
        let deadline = options.trial.as_ref().map(|trial| trial.deadline(clock.clone())).transpose()?;
        let version = format!("v{}", options.running.version);
        let mut vision = if simulated { Some(eyes::open_vision(&board, &clock)?) } else { None };
        backup::unswitched(&board.data)?;
        let store = Arc::new(Store::open(&board.data, board.capacity.limits(), clock.clone())?);
        let settings = Arc::new(Live::load(store.clone())?);
        let device_id = identity::device_id(options.device_id, simulated, &store)?;
        let pins = identity::pin_key(&store)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (listening, home_port) = serving::listen(board.listen, &settings, runtime.handle())?;
        let address = listening.address()?;

        let decisions = Arc::new(Decisions::default());
        let conditions = Conditions::new(decisions.clone(), settings.clone(), clock.clone());
        watching::troubles(&store, &decisions, &settings, &clock);
        let inbox = Inbox::default();
        let events = inbox.sender();
        let newest = Arc::new(Newest::default());
        let screen = Arc::new(Screen::default());
        let mut threads = Threads::default();
        let font = board.display.as_ref().and_then(|display| display.font.as_deref());
        let fonts = Fonts::or_built_in(font, |error| conditions.of("font").fails(error));
        let display = Arc::new(Display {
            screen: screen.clone(),
            settings: settings.clone(),
            store: store.clone(),
            newest: newest.clone(),
            clock: clock.clone(),
            size: board.display.as_ref().map_or(NO_PANEL, |d| (d.width, d.height)),
            fonts: Arc::new(fonts),
            mirror: board.cameras.iter().any(|c| c.role == CameraRole::Color && c.mirror),
            ip: address.ip(),
            port: listening.clone(),
            device_id,
            version: version.clone(),
            portrait: Default::default(),
        });
        let mut panel = None;
        if let Some(device) = devices.panel {
            panel = Some(Panel::start(device, display.clone(), &conditions, &mut threads)?);
        }

        let folder = board.sound.as_ref().and_then(|sound| sound.folder.clone());
        let sounds = Arc::new(Sounds::new(&board.data, folder, devices.player.is_some()));
        if let Some(player) = devices.player {
            let (sounds, settings) = (sounds.clone(), settings.clone());
            let (decisions, clock) = (decisions.clone(), clock.clone());
            threads.start("sound", move || sound::run(&sounds, player, &settings, &decisions, &*clock))?;
        }
        let lights = Lights {
            inbox: Inbox::default(),
            clock: clock.clone(),
            settings: settings.clone(),
            newest: newest.clone(),
            screen: screen.clone(),
            conditions: conditions.clone(),
            lamp: devices.lamp,
            backlight: devices.backlight,
        };
        let light = lights.inbox.sender();
        threads.start("light", move || lights.run())?;

        // The door first: its button and its alarm must not wait for models to be loaded.
        let comparison = Arc::new(OnceLock::new());
        let presenter = Presenter {
            screen: screen.clone(),
            sounds: sounds.clone(),
            light: light.clone(),
            settings: settings.clone(),
            size: display.size,
        };
        let door = door::Tools {
            relay: devices.relay,
            fail: board.relay.as_ref().map_or(Fail::Secure, |relay| relay.fail),
            rest: board.data.join(REST_FILE),
            wiegand: devices.wiegand,
            sensors: devices.sensors,
            watchdogs: [("watchdog", devices.watchdog), ("supervisor", supervisor::watchdog())]
                .into_iter()
                .filter_map(|(name, watchdog)| Some((name, watchdog?)))
                .collect(),
            inbox,
            clock: clock.clone(),
            store: store.clone(),
            settings: settings.clone(),
            presenter,
            decisions: decisions.clone(),
            pins: pins.clone(),
            comparison: comparison.clone(),
            conditions: conditions.clone(),
            simulated,
        };
        let door = Door::start(door, &mut threads)?;

        if vision.is_none() {
            let opened = eyes::open_vision(&board, &clock);
            vision = opened.map_err(|error| conditions.of("face models").fails(&error)).ok();
        }
        if vision.is_some()
            && let Err(error) = models::started(&board.data, &board.vision.models)
        {
            tracing::warn!(%error, "which models ran cannot be noted");
        }
        let recompute = Inbox::default();
        let lasting = recompute.sender();
        let known = |file| (!simulated).then(|| board.data.join(file));
        let eyes = eyes::Tools {
            camera: devices.camera,
            infrared: devices.infrared,
            known: [known(eyes::CAMERA_FILE), known(eyes::INFRARED_FILE)],
            vision,
            comparison,
            people: options.people,
            newest: newest.clone(),
            events: events.clone(),
            store: store.clone(),
            settings: settings.clone(),
            clock: clock.clone(),
            conditions: conditions.clone(),
            recompute,
        };
        let eyes = Eyes::start(eyes, &mut threads)?;

        let author = Author { store: store.clone(), settings: settings.clone(), clock: clock.clone(), device_id };
        let sinks = sinks::Tools {
            author,
            post: Post::new(runtime.handle().clone()),
            control: events.clone(),
            host: devices.host.clone(),
            decisions: decisions.clone(),
            runtime: runtime.handle().clone(),
            ca_file: board.data.join("mqtt").join("ca.pem"),
        };
        let sinks = Sinks::start(sinks, &mut threads)?;
        watching::news(&store, &settings, &sinks.bells, &events, &light);

        let fetch = Arc::new(Fetch::new(runtime.handle().clone(), FETCH_TIME));
        let (leave, ending) = ending::channel();
        let sight = Arc::new(Sight {
            newest: newest.clone(),
            conditions: conditions.clone(),
            listening: listening.clone(),
            clock: clock.clone(),
            people: eyes.unknown.clone(),
        });
        let releases = Releases::of(&board.data);
        let packages = board.data.join("upgrade");
        let upgrade = Upgrade::open(upgrade::Tools {
            folder: packages.clone(),
            install: Box::new(Installer {
                releases: releases.clone(),
                running: options.running.clone(),
                board: board.name.clone(),
                keys: board.upgrade.keys.clone(),
                health: Arc::new({
                    let sight = sight.clone();
                    move || sight.settled()
                }),
            }),
            leave: Box::new({
                let leave = leave.clone();
                move || leave(Ending::Upgraded)
            }),
            fetch: fetch.clone(),
            runtime: runtime.handle().clone(),
            clock: clock.clone(),
            settings: settings.clone(),
            decisions: decisions.clone(),
            screen: screen.clone(),
            limits: upgrade::Limits::default(),
        })?;
        let network_keeper = Inbox::default();
        let network = Arc::new(Guard::new(settings.clone(), listening.clone(), home_port, network_keeper.sender()));
        let housekeepers = housekeepers::Tools {
            network: network.clone(),
            inbox: network_keeper,
            settings: settings.clone(),
            host: devices.host.clone(),
            clock: clock.clone(),
            decisions: decisions.clone(),
            runtime: runtime.handle().clone(),
        };
        let housekeepers = Housekeepers::start(housekeepers, &mut threads)?;

        let context = Arc::new(api::Context {
            store: store.clone(),
            roster: eyes.roster.clone(),
            settings: settings.clone(),
            control: events.clone(),
            clock: clock.clone(),
            host: devices.host.clone(),
            fetch,
            network,
            newest: newest.clone(),
            sounds: sounds.clone(),
            push: sinks.subscriber.clone(),
            mqtt: sinks.mqtt.clone(),
            manual: sinks.manual.clone(),
            upgrade: upgrade.clone(),
            decisions: decisions.clone(),
            pins,
            device_id,
            version,
            people_limit: board.capacity.people,
            liveness: eyes.liveness,
            abilities: devices.abilities,
            require_password_change: board.require_password_change,
            card_turn: Mutex::default(),
        });
        sinks.answer(context.clone(), &mut threads)?;
        let extra = devices.sim.clone().map(|world| {
            let sim = Sim {
                world,
                host: devices.host.clone(),
                clock: clock.clone(),
                settings: settings.clone(),
                decisions: decisions.clone(),
                display: display.clone(),
                newest: newest.clone(),
                control: events.clone(),
                roster: eyes.roster.clone(),
            };
            Arc::new(move |head: &Parts, body: &Bytes| sim.answer(head, body)) as api::server::Extra
        });
        let web = Web { decisions: decisions.clone(), screen: Box::new(move || display.png()) };
        let serving = Serving::start(listening, context, extra, web, &runtime);
        if settings.now().account.is_default() {
            let only = if board.require_password_change { "; until then the API does nothing else" } else { "" };
            warn!("the password is the default one, admin/admin: set another with SetUserPwd{only}");
        }
        if let Some(panel) = &panel {
            panel.started();
        }
        let proving = proving::Tools {
            running: options.running.clone(),
            releases,
            trial: options.trial,
            packages,
            sight,
            clock: clock.clone(),
            settings: settings.clone(),
            store: store.clone(),
            decisions: decisions.clone(),
            recompute: lasting,
            leave,
        };
        let proving = Proving::start(proving, &mut threads)?;
        upgrade.resume();
        let version = options.running.version;
        info!(%address, %version, device_id, people = store.count(), board = board.name, "the terminal runs");
        let world = devices.sim;
        let threads = threads.0;
        Ok(Self {
            housekeepers,
            device_id,
            store,
            eyes,
            settings,
            decisions,
            world,
            sounds,
            light,
            panel,
            door,
            sinks,
            upgrade,
            proving,
            deadline,
            runtime,
            ending,
            serving,
            threads,
        })
    }

    /// Where the API listens; everywhere on port 0 if the system does not say.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.serving.address().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// The terminal's number.
    #[must_use]
    pub const fn device_id(&self) -> u32 {
        self.device_id
    }

    /// The pretend devices, on the simulated board.
    #[must_use]
    pub const fn world(&self) -> Option<&Arc<World>> {
        self.world.as_ref()
    }

    /// What was decided.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// People: store and gallery.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.eyes.roster
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> &Live {
        &self.settings
    }

    /// What to try next, for whoever started the simulator in a terminal window.
    #[must_use]
    pub fn welcome(&self) -> String {
        let account = &self.settings.now().account;
        let login = if account.is_default() { "admin:admin".to_owned() } else { format!("{}:PASSWORD", account.user) };
        sim::welcome(self.address(), self.device_id, &login)
    }

    /// Waits until the process is asked to end, or has a reason of its own.
    #[must_use]
    pub fn wait_for_end(&self) -> Ending {
        self.runtime.block_on(ending::wait(self.ending.clone()))
    }

    /// Stops every part: the camera first, the store last, so that what was decided is kept.
    pub fn stop(mut self) {
        info!("the terminal stops");
        supervisor::stopping();
        self.proving.stop();
        self.serving.close();
        self.eyes.close();
        if let Some(world) = &self.world {
            world.close();
        }
        self.sinks.stop();
        self.upgrade.stop();
        // The API first: what it has promised is still done.
        self.serving.stop(&self.runtime);
        self.housekeepers.stop();
        if let Some(panel) = &self.panel {
            panel.stop();
        }
        self.door.stop();
        self.sounds.close();
        self.light.send(light::Event::Stop);
        for thread in self.threads {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                error!(thread = name, "a thread had panicked");
            }
        }
        self.sinks.join();
        self.runtime.shutdown_timeout(serving::GRACE);
        if let Err(error) = self.store.flush() {
            error!(%error, "the last records could not be written");
        }
        if let Some(deadline) = &self.deadline {
            deadline.lift();
        }
    }
}
