//! The exit button opens; somebody is enrolled, steps before the camera and is let in; a stranger is not; the door stays
//! prompt while there is much to do; and a daemon that is killed leaves it at rest and comes back.

use std::sync::Arc;

use facegate::access::{Person, WiegandFrame};
use facegate::clock::Mono;
use facegate::field::LocalTime;
use facegate::settings::Settings;
use facegate::ui::draw::{Pictures, draw, portrait_size};
use facegate::ui::view::{Facts, View};
use facegate::ui::{Message, Said, Scene};
use facegate::vision::{Frame, Rect};
use image::{Rgb, RgbImage};
use serde_json::json;

use crate::lines::{Change, changes, frames, levels};
use crate::platform::{Platform, call, enrol, ok};
use crate::vm::Machine;
use crate::{STRANGER, Setup, line, promptness};

const NAME: &str = "Ada Lovelace";
const CARD: u32 = 0x9A01_8B2D;
/// Sent for whoever is let out (`PublicMjCardNo`).
const PUBLIC_CARD: u32 = 1;
const ENROLLED: &str = "p01_1.jpg";
const SHOWN: &str = "p01_2.jpg";
/// Of a frame under `Wiegand` 1: a number of 32 bits between two of parity.
const BITS: usize = 34;
/// How far a colour on the screen may be from what the same code draws on another processor.
const TOLERANCE: u8 = 4;

pub fn scenario(setup: &Setup) {
    setup.bring_terminal(|board| board);
    setup.keep_log(|| passages(setup));
}

fn passages(setup: &Setup) {
    let mut machine = setup.boot();
    let platform = Platform::start();
    let port = machine.port;
    let about = machine.wait("the API", |_| call(port, "GetSysParam", &json!({})));
    println!("  the API answers");
    let relay = |machine: &Machine| levels(&output(machine), line::RELAY);
    assert!(!relay(&machine).contains(&true), "the relay is at rest after the start");

    ok(port, "SetDoorCondition", json!({ "VerifyResetTime": 10, "Wiegand": 1, "ControlType": 2, "IOStayTime": 500 }));
    machine.drive(line::EXIT, true);
    machine.wait("the open door", |machine| relay(machine).ends_with(&[true, false]).then_some(()));
    machine.drive(line::EXIT, false);
    assert_eq!((openings(&output(&machine)), sent(&mut machine, 0)), (1, PUBLIC_CARD));
    println!("  the exit button opens");

    let person =
        json!({ "Name": NAME, "CustomizeID": 1, "MjCardFrom": 2, "WiegandType": 1, "CardMode": 0, "MjCardNo": CARD });
    enrol(port, &setup.faces.join(ENROLLED), person);
    platform.subscribe(port, &about["info"]["DeviceID"]);
    println!("  somebody is enrolled");

    // First, because whom the terminal has recognised is no stranger as long as somebody is there.
    setup.show(&mut machine, STRANGER);
    machine.wait("the stranger's picture", |_| (found(port, "SearchCapture") > 0).then_some(()));
    machine.screen(&setup.pictures.join("stranger.png"));
    let changes = output(&machine);
    let passed = (openings(&changes), frames(&changes, line::DATA0, line::DATA1, BITS).len());
    assert_eq!(passed, (1, 1), "nobody is let in");
    assert_eq!((found(port, "SearchControl"), platform.passages()), (0, vec![]), "and nobody told of");
    println!("  a stranger stays out");

    setup.show(&mut machine, SHOWN);
    machine.wait("the open door", |machine| (openings(&output(machine)) > 1).then_some(()));
    println!("  another photo of the same face closes the relay");
    // A picture that took longer to look at than a tip stays is not shown beside it, and here one may.
    let greets = |name| [true, false].map(|pictured| tip(Said::Pass, Some(name), pictured));
    let is_greeted = |screen: &RgbImage, tips: &[Tip]| tips.iter().any(|tip| says(screen, tip));
    let greetings = greets(NAME);
    let shown = machine.wait("the tip on the screen", |machine| {
        let screen = machine.screen(&setup.pictures.join("admitted.png"));
        is_greeted(&screen, &greetings).then_some(screen)
    });
    assert!(!is_greeted(&shown, &greets("Ada Lovelice")), "names are told apart");
    println!("  the screen greets by name");
    assert_eq!(sent(&mut machine, 1), CARD);
    println!("  the lines carry the card's frame");
    let push = machine.wait("the push", |_| platform.passages().into_iter().next());
    assert_eq!((&push["info"]["Name"], &push["info"]["VerifyStatus"]), (&json!(NAME), &json!(1)), "{push}");
    println!("  the platform was told");
    let admitted = found(port, "SearchControl");
    assert!(admitted > 0, "the passage is on record");

    // Whoever is before the camera now is looked at, and opens nothing.
    setup.show(&mut machine, STRANGER);
    promptness::measure(setup, &mut machine, &["p02_1.jpg", "p03_1.jpg", "p04_1.jpg", "p05_1.jpg"], 1);
    setup.show_file(&mut machine, "nobody.yuyv");

    // Long enough that the daemon is killed while the door is open.
    ok(port, "SetDoorCondition", json!({ "IOStayTime": 600_000 }));
    machine.drive(line::EXIT, true);
    machine.wait("the exit button", |machine| relay(machine).ends_with(&[true]).then_some(()));
    machine.drive(line::EXIT, false);
    let first = process(&mut machine);
    machine.run("systemctl kill --signal=KILL facegate");
    machine.wait("another daemon", |machine| (process(machine) != first).then_some(()));
    machine.wait("the relay at rest", |machine| relay(machine).ends_with(&[false]).then_some(()));
    machine.wait("the API", |_| call(port, "GetSysParam", &json!({})));
    assert!(relay(&machine).ends_with(&[false]), "the door does not open again by itself");
    assert!(found(port, "SearchControl") >= admitted, "the records are still there");
    println!("  a killed daemon leaves the door at rest and comes back");
}

/// What the lines did so far.
pub fn output(machine: &Machine) -> Vec<Change> {
    changes(&machine.put_out())
}

/// The card that a frame of the Wiegand lines tells, the first being 0.
fn sent(machine: &mut Machine, number: usize) -> u32 {
    let whole = |frame: &WiegandFrame| frame.bits as usize == BITS;
    let frame = machine.wait("the frame on the Wiegand lines", |machine| {
        frames(&output(machine), line::DATA0, line::DATA1, BITS).get(number).copied().filter(whole)
    });
    frame.data().unwrap_or_else(|| panic!("the parity of {frame:?}"))
}

/// How often the relay has closed.
pub fn openings(changes: &[Change]) -> usize {
    levels(changes, line::RELAY).into_iter().filter(|closed| *closed).count()
}

/// How many records there are.
fn found(port: u16, operator: &str) -> usize {
    let range = json!({ "BeginTime": "2000-01-01T00:00:00", "EndTime": "2099-01-01T00:00:00" });
    let answer = call(port, operator, &json!({ "info": range })).unwrap_or_else(|| panic!("{operator}: no answer"));
    // "No record" is an error of its own, without a number.
    let number = ["TotalNum", "CaptureNum"].iter().find_map(|name| answer["info"][name].as_u64());
    number.map_or(0, |number| usize::try_from(number).unwrap())
}

/// The daemon's process, "0" between two.
pub fn process(machine: &mut Machine) -> String {
    machine.run("systemctl show --property=MainPID --value facegate").trim().to_owned()
}

/// What a tip paints opaquely.
type Tip = Vec<(u32, u32, Rgb<u8>)>;

/// The pixels of a tip that are neither of the camera nor of the person's picture.
fn tip(said: Said, name: Option<&str>, pictured: bool) -> Tip {
    let size = (720, 1280);
    let (settings, face) = (Settings::default(), Rect::sized(300.0, 300.0, 300.0, 400.0));
    let facts = Facts { now: LocalTime::UNSET, address: None, device_id: 1, people: 1, version: String::new() };
    let paint = |message: bool, grey: u8| {
        let frame = |(w, h)| Arc::new(RgbImage::from_pixel(w, h, Rgb([grey; 3])));
        let camera = Frame { pixels: frame((960, 1280)), at: Mono(0), number: 1 };
        let person = name.map(|name| Arc::new(Person { name: name.into(), ..Person::new(LocalTime::UNSET) }));
        let message = message.then(|| {
            let taken = pictured.then(|| (camera.clone(), face));
            Arc::new(Message { person, taken, ..Message::new(said.clone(), Mono(1)) })
        });
        let portrait = pictured.then(|| frame(portrait_size(size)));
        let view = View::new(&Scene { message, ..Scene::default() }, &settings, &facts);
        draw(&view, Pictures { camera: Some(&camera), mirror: false, portrait: portrait.as_ref() }, size)
    };
    let (dark, light, without) = (paint(true, 0), paint(true, 255), paint(false, 0));
    let painted = |(x, y, colour): (u32, u32, &Rgb<u8>)| {
        let opaque = light.get_pixel(x, y) == colour && without.get_pixel(x, y) != colour;
        opaque.then_some((x, y, *colour))
    };
    dark.enumerate_pixels().filter_map(painted).collect()
}

/// Whether the screen shows a tip, to the last pixel: a letter is some hundreds of them.
fn says(screen: &RgbImage, tip: &[(u32, u32, Rgb<u8>)]) -> bool {
    let near = |a: &Rgb<u8>, b: &Rgb<u8>| a.0.iter().zip(&b.0).all(|(a, b)| a.abs_diff(*b) <= TOLERANCE);
    tip.len() > 10_000 && tip.iter().all(|(x, y, colour)| near(screen.get_pixel(*x, *y), colour))
}
