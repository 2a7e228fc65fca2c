//! The emulated machine as a process: its console, its monitor and the wires of its GPIO chip.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use facegate::clock::{Bell, Clock, SystemClock};
use serde_json::{Value, json};

/// How long anything may take: the machine is some 70 times slower than its host, and the host may be busy.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// What the console's shell says when it is there.
const PROMPT: &str = "machine ready# ";
/// The socket behind the serial line.
const SERIAL: &str = "serial";
/// What the machine takes the keyboard for.
pub const KEYBOARD: &str = "QEMU QEMU USB Keyboard";
/// How long a key is held, milliseconds.
const KEY_HELD: u64 = 100;

/// What is special about a machine.
#[derive(Clone, Copy)]
pub enum Kind<'k> {
    /// Nothing.
    Plain,
    /// A second disk, /dev/vdb.
    Disk(&'k Path),
    /// Each instruction takes a nanosecond of the machine's clock, so that its times are counts.
    Counted,
}

impl Kind<'_> {
    fn arguments(self) -> Vec<String> {
        match self {
            Self::Plain => Vec::new(),
            Self::Disk(disk) => {
                let drive = format!("file={},if=none,id=data,format=raw,snapshot=on", disk.display());
                ["-drive", &drive, "-device", "virtio-blk-pci,drive=data"].map(ToOwned::to_owned).into()
            }
            Self::Counted => ["-icount", "shift=0,sleep=off"].map(ToOwned::to_owned).into(),
        }
    }

    /// For `scripts/machine/run`.
    fn variables(self) -> Option<(&'static str, &'static str)> {
        // Instructions are counted on one thread alone.
        matches!(self, Self::Counted).then_some(("FACEGATE_MACHINE_THREADS", "single"))
    }
}

/// A running machine; ends with the value.
pub struct Machine {
    process: Child,
    console: UnixStream,
    /// What the console has said since it was last asked.
    said: String,
    monitor: BufReader<UnixStream>,
    wires: BufReader<UnixStream>,
    /// The GPIO chip, by the emulator's name for it.
    chip: String,
    folder: PathBuf,
    /// Where its port 80 is on this host.
    pub port: u16,
    clock: SystemClock,
}

impl Machine {
    /// Boots a machine that has `share` at /host. Its sockets and logs go to `folder`.
    pub fn boot(folder: &Path, share: &Path, kind: Kind<'_>) -> Self {
        // A port that is free now; nobody else takes it in the moment until the machine has it, or it does not start.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let socket = |name: &str| format!("socket,path={},server=on,wait=off", folder.join(name).display());
        let mut process = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/machine/run"))
            .arg(port.to_string())
            .arg(share)
            .args(["-chardev", &format!("{},id=console", socket("console")), "-serial", "chardev:console"])
            .args(["-chardev", &format!("{},id=monitor", socket("monitor")), "-mon", "chardev=monitor,mode=control"])
            .args(["-qtest", &format!("unix:{},server=on,wait=off", folder.join("wires").display())])
            .args(["-qtest-log", "none", "-msg", "timestamp=on", "-d", "trace:pl061_set_output"])
            .arg("-D")
            .arg(folder.join("lines.log"))
            // An adapter at the USB port as long as somebody holds its other end.
            .args([
                "-chardev",
                &format!("{},id=serial", socket(SERIAL)),
                "-device",
                "usb-serial,bus=usb.0,chardev=serial",
            ])
            .args(kind.arguments())
            .envs(kind.variables())
            .spawn()
            .unwrap();
        let clock = SystemClock::default();
        let mut open = |name: &str| {
            until(&clock, PATIENCE, || {
                let ended = process.try_wait().unwrap();
                assert_eq!(ended, None, "the emulator ended; what it says about it is above");
                UnixStream::connect(folder.join(name)).ok()
            })
            .unwrap_or_else(|| panic!("no socket {name}"))
        };
        let (console, monitor, wires) = (open("console"), open("monitor"), open("wires"));
        for stream in [&console, &monitor, &wires] {
            stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        }
        let (monitor, wires) = (BufReader::new(monitor), BufReader::new(wires));
        let (folder, chip, said) = (folder.to_owned(), String::new(), String::new());
        let mut machine = Self { process, console, said, monitor, wires, chip, folder, port, clock };
        line(&mut machine.monitor, &machine.clock);
        machine.monitor("qmp_capabilities", json!({}));
        machine.chip = (0..100)
            .map(|number| format!("/machine/unattached/device[{number}]"))
            .find(|path| machine.ask("qom-get", json!({ "path": path, "property": "type" })) == Ok("pl061".into()))
            .expect("a GPIO chip");
        // What is typed before the shell reads is lost, and the serial line with it.
        machine.expect(PROMPT);
        machine.type_in("stty -echo; PS1=; PS2=; echo under''stood\n");
        machine.expect("understood");
        machine
    }

    /// Runs a line of shell in the machine; returns what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&mut self, line: &str) -> String {
        self.said.clear();
        self.type_in(&format!("{{ {line}; }} 2>&1; echo \"<<$?>>\"\n"));
        let answer = self.expect(">>").replace("\r\n", "\n");
        let (output, code) = answer.rsplit_once("<<").unwrap_or_else(|| panic!("{line}: {answer}"));
        assert_eq!(code, "0>>", "{line}: {output}");
        output.to_owned()
    }

    fn type_in(&mut self, text: &str) {
        self.console.write_all(text.as_bytes()).unwrap();
    }

    /// Reads the console up to and with `text`.
    fn expect(&mut self, text: &str) -> String {
        let end = self.clock.mono().after(PATIENCE);
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.said.find(text) {
                return self.said.drain(..at + text.len()).collect();
            }
            assert!(self.clock.mono() < end, "the console does not say {text:?} but {:?}", self.said);
            match self.console.read(&mut buffer) {
                Ok(0) => panic!("the machine stopped; its console's last words: {}", self.said),
                Ok(length) => self.said += &String::from_utf8_lossy(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("console: {error}"),
            }
        }
    }

    /// A command of the emulator's monitor.
    fn monitor(&mut self, command: &str, arguments: Value) -> Value {
        self.ask(command, arguments).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.monitor.get_mut(), "{request}").unwrap();
        loop {
            // Events come in between.
            let mut answer: Value = serde_json::from_str(&line(&mut self.monitor, &self.clock)).unwrap();
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get_mut("error") {
                return Err(error.take());
            }
        }
    }

    /// What is on the screen, also kept as a file.
    pub fn screen(&mut self, file: &Path) -> image::RgbImage {
        self.monitor("screendump", json!({ "filename": file, "format": "png" }));
        image::open(file).unwrap().into_rgb8()
    }

    /// Drives a line of the GPIO chip from outside.
    pub fn drive(&mut self, line_number: u8, high: bool) {
        let level = u8::from(high);
        writeln!(self.wires.get_mut(), "set_irq_in {} unnamed-gpio-in {line_number} {level}", self.chip).unwrap();
        let answer = line(&mut self.wires, &self.clock);
        assert!(answer.starts_with("OK"), "line {line_number}: {answer}");
    }

    /// Plugs a serial line in: /dev/ttyUSB0, as long as the value is kept.
    pub fn serial(&self) -> UnixStream {
        UnixStream::connect(self.folder.join(SERIAL)).unwrap()
    }

    /// Plugs a USB keyboard in, whose name is [`KEYBOARD`].
    pub fn plug_keyboard(&mut self) {
        self.monitor("device_add", json!({ "driver": "usb-kbd", "id": "keyboard", "bus": "usb.0" }));
    }

    /// Unplugs it.
    pub fn unplug_keyboard(&mut self) {
        self.monitor("device_del", json!({ "id": "keyboard" }));
    }

    /// Presses a key of it by the emulator's name, and lets it go.
    pub fn press(&mut self, key: &str) {
        self.monitor("send-key", json!({ "keys": [{ "type": "qcode", "data": key }], "hold-time": KEY_HELD }));
        self.pause(Duration::from_millis(2 * KEY_HELD));
    }

    /// Lets some time go by.
    pub fn pause(&self, span: Duration) {
        self.clock.wait(&Bell::default(), Some(self.clock.mono().after(span)));
    }

    /// Waits until the machine restarts, which ends it here.
    pub fn ends(&mut self) {
        let ended = until(&self.clock, PATIENCE, || self.process.try_wait().unwrap());
        assert!(ended.is_some_and(|status| status.success()), "the machine does not restart: {ended:?}");
    }

    /// Everything the GPIO chip has put out, as the emulator noted it.
    pub fn put_out(&self) -> String {
        std::fs::read_to_string(self.folder.join("lines.log")).unwrap_or_default()
    }

    /// Asks again until there is an answer.
    pub fn wait<T>(&mut self, what: &str, mut ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        let (clock, end) = (SystemClock::default(), self.clock.mono().after(PATIENCE));
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(self.clock.mono() < end, "{what}: not within {} s", PATIENCE.as_secs());
            clock.wait(&Bell::default(), Some(clock.mono().after(Duration::from_millis(250))));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn until<T>(clock: &SystemClock, span: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let (bell, end) = (Bell::default(), clock.mono().after(span));
    loop {
        let answer = ask();
        if answer.is_some() || clock.mono() >= end {
            return answer;
        }
        clock.wait(&bell, Some(clock.mono().after(Duration::from_millis(20))));
    }
}

/// The next line of a socket whose reads give up after a second.
fn line(from: &mut BufReader<UnixStream>, clock: &SystemClock) -> String {
    let (mut line, end) = (String::new(), clock.mono().after(PATIENCE));
    loop {
        match from.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => return line,
            Ok(_) => panic!("the emulator closed the connection"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => assert!(clock.mono() < end, "no answer"),
            Err(error) => panic!("{error}"),
        }
    }
}
