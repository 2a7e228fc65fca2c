//! The Linux machine: its clock, its restart, and its network by the files that systemd-networkd and
//! wpa_supplicant read.
//!
//! The system is called through [`System`], and all files lie below a root folder, so that tests see both.
//! Programs are started with their arguments as they stand, never by a shell. They are `networkctl`, `systemctl` and
//! `busctl`: what they ask for over D-Bus would cost a D-Bus client, which is larger than all of this, and
//! the machine has them wherever it has what they talk to.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use rustix::io::Errno;
use rustix::system::RebootCommand;
use rustix::time::{ClockId, Timespec};

use super::interfaces::{self, Assigned};
use super::{files, network};
use crate::clock::{Bell, Clock, lock};
use crate::error::{Error, Fault, Result};
use crate::hal::{Connection, Host, Interfaces, Link};
use crate::settings::{Network, Wifi};

/// Before the machine goes down at once: time for an answer to get out.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the machine is asked to do.
pub trait System: Send + Sync + fmt::Debug + 'static {
    /// Sets the wall clock; the kernel carries it on to the clock with the battery.
    ///
    /// # Errors
    /// What the kernel says.
    fn set_clock(&self, to: Timestamp) -> Result<()>;

    /// Runs a program to its end.
    ///
    /// # Errors
    /// When it is not there or fails.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<()>;

    /// Restarts the machine this moment.
    ///
    /// # Errors
    /// What the kernel says.
    fn restart(&self) -> Result<()>;

    /// The IPv4 addresses the machine has.
    ///
    /// # Errors
    /// What the kernel says.
    fn assigned(&self) -> Result<Vec<Assigned>>;
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kernel;

impl System for Kernel {
    fn set_clock(&self, to: Timestamp) -> Result<()> {
        let time = Timespec {
            tv_sec: to.as_second(),
            // Negative before 1970 only, which no clock is set to.
            tv_nsec: to.subsec_nanosecond().max(0).into(),
        };
        match rustix::time::clock_settime(ClockId::Realtime, time) {
            // Without the right to it, systemd's timedated is asked, which polkit's rules allow.
            Err(Errno::PERM) => self.run("busctl", &timedated(to).each_ref().map(String::as_str)),
            set => set.map_err(|e| Error::new(Fault::Unavailable, "the clock cannot be set").because(e)),
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let command = || format!("{program} {}", arguments.join(" "));
        let output = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| Error::new(Fault::Unavailable, command()).because(e))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::new(Fault::Unavailable, format!("{}: {}", command(), output.status)).because(said))
    }

    fn restart(&self) -> Result<()> {
        rustix::fs::sync();
        rustix::system::reboot(RebootCommand::Restart)
            .map_err(|e| Error::new(Fault::Unavailable, "the machine cannot be restarted").because(e))
    }

    fn assigned(&self) -> Result<Vec<Assigned>> {
        interfaces::assigned()
    }
}

/// The call that sets the clock over D-Bus: microseconds since 1970, not relative, and nobody to be asked for a password.
fn timedated(to: Timestamp) -> [String; 9] {
    let service = "org.freedesktop.timedate1";
    let microseconds = to.as_microsecond().to_string();
    let path = "/org/freedesktop/timedate1";
    ["call", service, path, service, "SetTime", "xbb", &microseconds, "false", "false"].map(str::to_owned)
}

/// The Linux machine.
#[derive(Debug)]
pub struct LinuxHost {
    root: PathBuf,
    interfaces: Interfaces,
    clock: Arc<dyn Clock>,
    system: Arc<dyn System>,
    due: Mutex<Due>,
}

/// What was written and is not in force yet.
#[derive(Debug, Default)]
struct Due {
    network: bool,
    /// What is to be done to the radio's service, and its name.
    service: Option<(&'static str, String)>,
    /// Whether the radio was seen to since this daemon started. The service is not enabled in systemd, which would take the
    /// right to enable any service: the terminal starts it.
    radio: bool,
}

impl LinuxHost {
    /// The machine whose files lie below `root` (`/`, but for tests).
    #[must_use]
    pub fn new(
        root: impl Into<PathBuf>,
        interfaces: Interfaces,
        clock: Arc<dyn Clock>,
        system: Arc<dyn System>,
    ) -> Self {
        Self { root: root.into(), interfaces, clock, system, due: Mutex::default() }
    }

    /// Whether the file had to be changed.
    fn keep(&self, path: &str, text: Option<&str>, mode: u32) -> Result<bool> {
        files::keep(&self.root.join(path), text, mode)
            .map_err(|e| Error::new(Fault::Unavailable, format!("/{path} cannot be written")).because(e))
    }
}

impl Host for LinuxHost {
    fn set_time(&self, to: Timestamp) -> Result<()> {
        self.system.set_clock(to)
    }

    /// systemd restarts the machine in order, which lets this daemon finish. Without it the kernel does, after
    /// a moment for what is under way.
    fn reboot(&self) -> Result<()> {
        let Err(error) = self.system.run("systemctl", &["--no-block", "reboot"]) else { return Ok(()) };
        tracing::warn!(%error, "no systemd to restart the machine, asking the kernel");
        let (clock, system) = (self.clock.clone(), self.system.clone());
        let at = clock.mono().after(FAREWELL);
        let wait = move || {
            let nobody = Bell::default();
            while clock.mono() < at {
                clock.wait(&nobody, Some(at));
            }
            if let Err(error) = system.restart() {
                tracing::error!(%error, "the machine does not restart");
            }
        };
        std::thread::Builder::new()
            .name("restart".into())
            .spawn(wait)
            .map(drop)
            .map_err(|e| Error::new(Fault::Unavailable, "the restart cannot be waited for").because(e))
    }

    fn set_network(&self, network: &Network, wifi: &Wifi) -> Result<()> {
        // Made before anything is written: a setting that makes no file changes none.
        let supplicant = wifi.enabled.on().then(|| network::supplicant(wifi)).transpose()?;
        let mut changed = false;
        if let Some(wired) = &self.interfaces.wired {
            let text = network::wired(wired, network);
            changed |= self.keep("etc/systemd/network/10-facegate-wired.network", text.as_deref(), 0o644)?;
        }
        let mut associate = None;
        let mut due = lock(&self.due);
        if let Some(wlan) = &self.interfaces.wifi {
            let text = network::wifi(wlan, network, wifi);
            changed |= self.keep("etc/systemd/network/10-facegate-wifi.network", text.as_deref(), 0o644)?;
            let wlan = wlan.as_str();
            // It holds a password; its group's, as the radio's service is in that and has no right to pass over modes.
            let is_new = self.keep(&format!("etc/facegate/radio/{wlan}.conf"), supplicant.as_deref(), 0o640)?;
            // The radio the machine came with may be how it is reached. Either service stops the other.
            let own = self.root.join(format!("etc/wpa_supplicant/wpa_supplicant-{wlan}.conf")).exists();
            associate = match supplicant {
                Some(_) if is_new => Some(("restart", format!("facegate-radio@{wlan}.service"))),
                Some(_) if !due.radio => Some(("start", format!("facegate-radio@{wlan}.service"))),
                None if is_new && own => Some(("start", format!("wpa_supplicant@{wlan}.service"))),
                None if is_new => Some(("stop", format!("facegate-radio@{wlan}.service"))),
                _ => None,
            };
            due.radio = true;
        }
        // What could not be brought in force is due until it is, though its file needs no change any more.
        due.network |= changed;
        due.service = associate.or(due.service.take());
        if due.network {
            self.system.run("networkctl", &["reload"])?;
            due.network = false;
        }
        if let Some((verb, service)) = due.service.clone() {
            self.system.run("systemctl", &["--no-block", verb, &service])?;
            due.service = None;
        }
        Ok(())
    }

    fn connection(&self, link: Link) -> Result<Connection> {
        let interface = match link {
            Link::Wired => &self.interfaces.wired,
            Link::Wifi => &self.interfaces.wifi,
        };
        match interface {
            Some(name) => Ok(interfaces::connection(&self.root, &self.system.assigned()?, Some(name.as_str()))),
            None if link == Link::Wired => Ok(interfaces::connection(&self.root, &self.system.assigned()?, None)),
            None => Ok(Connection::NONE),
        }
    }

    fn has_wifi(&self) -> bool {
        self.interfaces.wifi.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::clock::ManualClock;
    use crate::field::{Address, Bytes, Flag};

    /// Writes down what it is asked.
    #[derive(Debug, Default)]
    struct Recorder {
        asked: Mutex<Vec<String>>,
        without_systemd: bool,
        /// Rung at a restart.
        restarted: Bell,
    }

    impl Recorder {
        fn asked(&self) -> Vec<String> {
            std::mem::take(&mut *lock(&self.asked))
        }
    }

    impl System for Recorder {
        fn set_clock(&self, to: Timestamp) -> Result<()> {
            lock(&self.asked).push(format!("clock {to}"));
            Ok(())
        }
        fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
            lock(&self.asked).push(format!("{program} {}", arguments.join(" ")));
            if self.without_systemd { Err(Error::new(Fault::Unavailable, "no such file")) } else { Ok(()) }
        }
        fn restart(&self) -> Result<()> {
            lock(&self.asked).push("restart".into());
            self.restarted.ring();
            Ok(())
        }
        fn assigned(&self) -> Result<Vec<Assigned>> {
            let [address, mask] = ["10.0.3.4", "255.255.0.0"].map(|text| text.parse().unwrap());
            Ok(vec![Assigned { interface: "eth0".into(), address, mask }])
        }
    }

    struct Machine {
        folder: tempfile::TempDir,
        clock: Arc<ManualClock>,
        system: Arc<Recorder>,
        host: LinuxHost,
    }

    fn machine(system: Recorder) -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let system = Arc::new(system);
        let name = |name: &str| name.to_owned().try_into().ok();
        let interfaces = Interfaces { wired: name("eth0"), wifi: name("wlan0") };
        let host = LinuxHost::new(folder.path(), interfaces, clock.clone(), system.clone());
        Machine { folder, clock, system, host }
    }

    impl Machine {
        /// Every file below the root, with its permissions.
        fn files(&self) -> Vec<(String, u32, String)> {
            fn walk(root: &std::path::Path, folder: &std::path::Path, found: &mut Vec<(String, u32, String)>) {
                for entry in std::fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        walk(root, &path, found);
                    } else {
                        let name = path.strip_prefix(root).unwrap().display().to_string();
                        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                        found.push((name, mode, std::fs::read_to_string(&path).unwrap()));
                    }
                }
            }
            let mut found = Vec::new();
            walk(self.folder.path(), self.folder.path(), &mut found);
            found.sort();
            found
        }
    }

    const WIRED: &str = "etc/systemd/network/10-facegate-wired.network";
    const WIFI: &str = "etc/systemd/network/10-facegate-wifi.network";
    const SUPPLICANT: &str = "etc/facegate/radio/wlan0.conf";
    const OWN: &str = "etc/wpa_supplicant/wpa_supplicant-wlan0.conf";

    #[test]
    fn files_follow_the_settings_and_services_are_told_once() {
        let machine = machine(Recorder::default());
        let (host, asked) = (&machine.host, || machine.system.asked());
        let names = || machine.files().into_iter().map(|(name, mode, _)| (name, mode)).collect::<Vec<_>>();
        let (none, off) = (Network::default(), Wifi::default());
        host.set_network(&none, &off).unwrap();
        assert!(names().is_empty() && asked().is_empty(), "nothing was ever set");

        let fixed = Network { address: Address("192.168.2.10".parse().unwrap()), ..none.clone() };
        host.set_network(&fixed, &off).unwrap();
        assert_eq!(names(), [(WIRED.into(), 0o644)]);
        assert_eq!(asked(), ["networkctl reload"]);
        host.set_network(&fixed, &off).unwrap();
        assert!(asked().is_empty(), "it is in force already");

        let on = Wifi {
            enabled: Flag::of(1),
            ssid: Bytes::new("net").unwrap(),
            password: Bytes::new("12345678").unwrap(),
            ..off.clone()
        };
        host.set_network(&fixed, &on).unwrap();
        assert_eq!(names(), [(SUPPLICANT.into(), 0o640), (WIFI.into(), 0o644), (WIRED.into(), 0o644)]);
        assert_eq!(asked(), ["networkctl reload", "systemctl --no-block restart facegate-radio@wlan0.service"]);
        let anew = LinuxHost::new(
            machine.folder.path(),
            host.interfaces.clone(),
            machine.clock.clone(),
            machine.system.clone(),
        );
        anew.set_network(&fixed, &on).unwrap();
        anew.set_network(&fixed, &on).unwrap();
        assert_eq!(asked(), ["systemctl --no-block start facegate-radio@wlan0.service"], "at the terminal's start");
        let written = machine.files();
        assert_eq!(written[0].2, network::supplicant(&on).unwrap());

        let wrong = Wifi { password: Bytes::new("1234\n5678").unwrap(), ..on };
        assert!(host.set_network(&none, &wrong).is_err());
        assert_eq!((machine.files(), asked()), (written, vec![]), "nothing was touched");

        host.set_network(&none, &off).unwrap();
        assert!(machine.files().is_empty());
        assert_eq!(asked(), ["networkctl reload", "systemctl --no-block stop facegate-radio@wlan0.service"]);
    }

    #[test]
    fn the_machine_s_own_wifi_comes_back() {
        let machine = machine(Recorder::default());
        let (none, off) = (Network::default(), Wifi::default());
        let own = "network={\n\tssid=\"home\"\n}\n";
        files::keep(&machine.folder.path().join(OWN), Some(own), 0o600).unwrap();
        machine.host.set_network(&none, &off).unwrap();
        assert!(machine.system.asked().is_empty(), "WiFi was never set");

        for name in ["one", "two"] {
            let ssid = Bytes::new(name).unwrap();
            let on = Wifi { enabled: Flag::of(1), ssid, security: crate::settings::WifiSecurity::Open, ..off.clone() };
            machine.host.set_network(&none, &on).unwrap();
            assert_eq!(machine.files()[0], (SUPPLICANT.into(), 0o640, network::supplicant(&on).unwrap()));
            assert!(
                machine.system.asked().contains(&"systemctl --no-block restart facegate-radio@wlan0.service".into())
            );
        }
        machine.host.set_network(&none, &off).unwrap();
        assert!(machine.system.asked().contains(&"systemctl --no-block start wpa_supplicant@wlan0.service".into()));
        assert_eq!(machine.files(), [(OWN.into(), 0o600, own.into())], "it was never touched");
    }

    #[test]
    fn systemd_restarts_the_machine_or_else_the_kernel_a_moment_later() {
        let orderly = machine(Recorder::default());
        orderly.host.reboot().unwrap();
        assert_eq!(orderly.system.asked(), ["systemctl --no-block reboot"]);

        let plain = machine(Recorder { without_systemd: true, ..Recorder::default() });
        plain.host.reboot().unwrap();
        assert_eq!(plain.system.asked(), ["systemctl --no-block reboot"], "an answer gets out first");
        plain.clock.advance(FAREWELL);
        crate::clock::SystemClock::default().wait(&plain.system.restarted, None);
        assert_eq!(plain.system.asked(), ["restart"]);
    }

    #[test]
    fn the_clock_and_the_addresses_are_the_machine_s() {
        let machine = machine(Recorder::default());
        machine.host.set_time("2026-03-01T04:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(machine.system.asked(), ["clock 2026-03-01T04:00:00Z"]);
        assert_eq!(machine.host.connection(Link::Wired).unwrap().address.to_string(), "10.0.3.4");
        assert_eq!(machine.host.connection(Link::Wifi).unwrap(), Connection::NONE);
    }
}
