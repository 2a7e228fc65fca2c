//! The terminal on a machine: the real daemon, built for 64-bit ARM, on an emulated board whose camera, screen, relay and
//! lines the test holds from outside. Needs `scripts/machine/make`; `make qemu` does it all.
//!
//! Says that it does nothing unless `FACEGATE_MACHINE` names the folder of the machine. What the machine cannot show is
//! timing: it is some 70 times slower than a board, in leaps.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "colours and sides of pictures")]

mod absence;
mod armv7;
mod camera;
mod cost;
mod crowd;
mod endings;
mod lines;
#[path = "../material/mod.rs"]
mod material;
mod people;
mod platform;
mod promptness;
mod terminal;
mod upgrade;
mod vm;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

use vm::{Kind, Machine};

/// Lines of the GPIO chip (`boards/qemu-virt.toml`).
mod line {
    pub const RELAY: u8 = 0;
    pub const DATA0: u8 = 1;
    pub const DATA1: u8 = 2;
    pub const EXIT: u8 = 4;
    pub const FIRE: u8 = 5;
}

/// A photo of somebody who is enrolled nowhere.
const STRANGER: &str = "p09_1.jpg";

type Scenario = fn(&Setup);

fn main() -> ExitCode {
    lines::check();
    camera::check();
    // `cargo test FILTER` runs every test binary with the filter.
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let scenarios: [(&str, Scenario); 8] = [
        ("machine::devices", devices),
        ("machine::drivers", drivers),
        ("machine::terminal", terminal::scenario),
        ("machine::absence", absence::scenario),
        (upgrade::NAME, upgrade::scenario),
        (crowd::NAME, crowd::scenario),
        ("machine::armv7", armv7::scenario),
        (cost::NAME, cost::scenario),
    ];
    for (name, scenario) in scenarios {
        let named = filters.iter().any(|filter| name.contains(filter.as_str()));
        // What only measures is asked for by its name.
        if !named && (!filters.is_empty() || [cost::NAME, crowd::NAME, upgrade::NAME].contains(&name)) {
            continue;
        }
        match Setup::find(name) {
            Ok(setup) => {
                println!("{name}: see {}", setup.pictures.display());
                scenario(&setup);
                println!("{name}: ok");
            }
            Err(why) => println!("skipped: {name}: {why}"),
        }
    }
    ExitCode::SUCCESS
}

/// What a scenario works with.
struct Setup {
    /// Photos of people.
    faces: PathBuf,
    models: PathBuf,
    /// What cargo builds for the machine.
    built: PathBuf,
    /// Where pictures and logs are left.
    pictures: PathBuf,
    /// /host of the machine.
    share: TempDir,
    /// Sockets of the emulator; their paths have to be short.
    sockets: TempDir,
}

impl Setup {
    fn find(name: &str) -> Result<Self, &'static str> {
        let machine = std::env::var_os("FACEGATE_MACHINE").filter(|value| !value.is_empty());
        machine.ok_or("FACEGATE_MACHINE is not set; `make qemu` sets it")?;
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace("::", "-"));
        fs::create_dir_all(&pictures).unwrap();
        Ok(Self {
            faces: material::faces().ok_or("there are no photos")?,
            models: material::models().ok_or("there are no models")?,
            built: Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("aarch64-unknown-linux-gnu/release"),
            pictures,
            share: TempDir::new().unwrap(),
            sockets: TempDir::new().unwrap(),
        })
    }

    /// Puts a file of this folder before the machine.
    fn lay(&self, name: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine/guest").join(name);
        fs::copy(from, self.share.path().join(name)).unwrap();
    }

    /// Puts a program before the machine.
    fn bring(&self, program: &Path, name: &str) {
        let copied = fs::copy(program, self.share.path().join(name));
        copied.unwrap_or_else(|error| panic!("{}: {error}; `make qemu` builds it", program.display()));
    }

    /// The newest build of a test binary; its name has a number that cargo chooses.
    fn tests(&self, name: &str) -> PathBuf {
        let folder = self.built.join("deps");
        let entries = fs::read_dir(&folder).into_iter().flatten().map(Result::unwrap);
        let builds = entries.filter(|entry| {
            let file = entry.file_name();
            let file = file.to_string_lossy();
            file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-') && !rest.contains('.'))
        });
        let newest = builds.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
        newest.unwrap_or_else(|| panic!("no {name} in {}; `make qemu` builds it", folder.display())).path()
    }

    fn boot(&self) -> Machine {
        self.boot_as(Kind::Plain)
    }

    /// Boots a machine of some kind.
    fn boot_as(&self, kind: Kind<'_>) -> Machine {
        fs::write(self.share.path().join("nobody.yuyv"), camera::nobody()).unwrap();
        self.lay("camera.service");
        let machine = Machine::boot(self.sockets.path(), self.share.path(), kind);
        println!("  booted");
        machine
    }

    /// Puts the terminal before the machine: program, models, what starts it, and a profile after `change`.
    fn bring_terminal(&self, change: impl FnOnce(String) -> String) {
        let share = self.share.path();
        self.bring(&self.built.join("facegate"), "facegate");
        let board = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("boards/qemu-virt.toml")).unwrap();
        fs::write(share.join("board.toml"), change(board)).unwrap();
        fs::create_dir(share.join("models")).unwrap();
        let files = fs::read_dir(&self.models).unwrap().map(Result::unwrap);
        for model in files.filter(|entry| entry.path().is_file()) {
            fs::copy(model.path(), share.join("models").join(model.file_name())).unwrap();
        }
        self.lay("facegate.service");
        self.lay("start");
    }

    /// Plays a scenario with a terminal in it, and keeps what the terminal said.
    fn keep_log(&self, play: impl FnOnce()) {
        let log = self.pictures.join("facegate.log");
        let outcome = catch_unwind(AssertUnwindSafe(play));
        let _ = fs::copy(self.share.path().join("facegate.log"), &log);
        if let Err(why) = outcome {
            println!("what the terminal said: {}", log.display());
            resume_unwind(why);
        }
    }

    /// What the terminal has said so far.
    fn log(&self) -> String {
        fs::read_to_string(self.share.path().join("facegate.log")).unwrap_or_default()
    }

    fn photo(&self, name: &str) -> RgbImage {
        image::open(self.faces.join(name)).unwrap().into_rgb8()
    }

    /// Lets the camera see a photo from now on.
    fn show(&self, machine: &mut Machine, photo: &str) {
        self.show_picture(machine, photo, &self.photo(photo));
    }

    /// Lets it see any picture.
    fn show_picture(&self, machine: &mut Machine, name: &str, picture: &RgbImage) {
        let file = format!("{name}.yuyv");
        fs::write(self.share.path().join(&file), camera::frame(picture)).unwrap();
        self.show_file(machine, &file);
    }

    fn show_file(&self, machine: &mut Machine, file: &str) {
        machine.run(&format!("rm -f /run/camera.shown; echo /host/{file} >/run/camera"));
        machine.wait("a frame of the camera", |machine| {
            machine.run("cat /run/camera.shown || true").contains(file).then_some(())
        });
    }
}

/// The machine itself: what is written to its devices is seen outside, and the other way round.
fn devices(setup: &Setup) {
    let mut machine = setup.boot();

    machine.run("gpioset --mode=time --usec=1000 gpiochip0 0=1");
    machine.run("gpioset --mode=time --usec=1000 gpiochip0 0=0");
    let changes = lines::changes(&machine.put_out());
    assert!(lines::levels(&changes, line::RELAY).ends_with(&[true, false]), "{changes:?}");
    for high in [true, false] {
        machine.drive(line::EXIT, high);
        assert_eq!(machine.run("gpioget gpiochip0 4").trim(), if high { "1" } else { "0" });
    }
    println!("  lines are seen and driven");

    machine.run("cp /host/camera.service /run/systemd/system/ && systemctl daemon-reload && systemctl start camera");
    let photo = "p01_1.jpg";
    setup.show(&mut machine, photo);
    machine.run("v4l2-ctl -d /dev/video0 --stream-mmap=4 --stream-count=4 --stream-to=/tmp/seen");
    machine.run("tail -c 2457600 /tmp/seen >/host/seen.yuyv; rm /tmp/seen");
    let seen = fs::read(setup.share.path().join("seen.yuyv")).unwrap();
    assert!(seen == camera::frame(&setup.photo(photo)), "the camera sees something else");
    println!("  the camera sees what it is shown");

    let picture = RgbImage::from_fn(720, 1280, |x, y| Rgb([(x / 3) as u8, (y / 6) as u8, 77]));
    let raw: Vec<u8> = picture.pixels().flat_map(|Rgb([r, g, b])| [*b, *g, *r, 0]).collect();
    fs::write(setup.share.path().join("screen.raw"), raw).unwrap();
    machine.run("cat /host/screen.raw >/dev/fb0");
    machine.wait("the picture on the screen", |machine| {
        (machine.screen(&setup.pictures.join("devices.png")) == picture).then_some(())
    });
    println!("  the screen shows what is written to it");
}

/// The drivers' own tests, none of which may skip here.
fn drivers(setup: &Setup) {
    let tests = ["devices", "readers"];
    for name in tests {
        setup.bring(&setup.tests(name), name);
    }
    let mut machine = setup.boot();
    for name in tests {
        let output = machine.run(&format!("/host/{name} --test-threads=1 --nocapture"));
        fs::write(setup.pictures.join(format!("{name}.log")), &output).unwrap();
        assert!(!output.contains("skipped: "), "{output}");
        let result = output.lines().find(|line| line.starts_with("test result: "));
        println!("  {name}: {}", result.unwrap_or_else(|| panic!("{output}")));
    }
}
