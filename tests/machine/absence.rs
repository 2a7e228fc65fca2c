//! Devices that are not there at the start, come, go and come back under the running terminal: panel, camera, card reader
//! and keypad. It says so each time, and stays the same process.

use std::io::Write;
use std::os::unix::net::UnixStream;

use image::{Rgb, RgbImage};
use serde_json::json;

use crate::lines::levels;
use crate::people::{self, CARD};
use crate::platform::{call, ok};
use crate::terminal::{openings, output, process};
use crate::vm::{KEYBOARD, Kind, Machine};
use crate::{Setup, endings, line};

/// The profile's readers: a serial line and a keypad at the USB port.
const READERS: &str = "\n[readers]\ncard = \"/dev/ttyUSB0\"\nkeypad = \"name:";
/// Enrolled before the start.
const PEOPLE: u32 = 20;
/// Opens at the keypad.
const PASSWORD: &str = "190735";
/// Takes the panel from the machine, and gives it back: its driver lets go of it.
const PANEL: &str = "/sys/bus/virtio/drivers/virtio_gpu";

pub fn scenario(setup: &Setup) {
    // The machine's own watchdog waits until systemd's has done its work.
    let patient = |board: String| board.replace("timeout_s = 60", "timeout_s = 600");
    setup.bring_terminal(|board| format!("{}{READERS}{KEYBOARD}\"\n", patient(board)));
    setup.lay("first");
    setup.keep_log(|| {
        let mut machine = comings_and_goings(setup);
        endings::play(setup, &mut machine);
    });
}

fn comings_and_goings(setup: &Setup) -> Machine {
    let mut machine = setup.boot_as(Kind::Disk(&people::disk(setup, PEOPLE)));
    let port = machine.port;
    machine.wait("the API", |_| call(port, "GetSysParam", &json!({})));
    // A card of the built-in reader opens.
    ok(port, "SetDoorCondition", json!({ "VerifyMode": 21, "VerifyResetTime": 1, "IOStayTime": 100 }));
    ok(port, "AddAccessPwd", json!({ "AccessPwd": [PASSWORD] }));
    let first = process(&mut machine);
    for device in ["panel", "card reader", "keypad"] {
        told(setup, &mut machine, device, &[false]);
    }
    told(setup, &mut machine, "camera", &[true]);
    println!("  the terminal runs without panel, card reader and keypad, and says so");

    for round in 0..2 {
        let mut story = [false, true].repeat(round + 1);
        let mut reader = machine.serial();
        machine.plug_keyboard();
        told(setup, &mut machine, "card reader", &story);
        told(setup, &mut machine, "keypad", &story);
        opens(&mut machine, "the card", |_| present(&mut reader));
        opens(&mut machine, "the password", |machine| {
            for digit in PASSWORD.chars() {
                machine.press(&digit.to_string());
            }
            machine.press("ret");
        });
        println!("  card and password open{}", if round == 0 { "" } else { " after reader and keypad were away" });
        drop(reader);
        machine.unplug_keyboard();
        story.push(false);
        told(setup, &mut machine, "card reader", &story);
        told(setup, &mut machine, "keypad", &story);
    }

    let virtio = machine.run("cat /run/panel").trim().to_owned();
    let mut colours = [[200, 40, 40], [40, 180, 40], [40, 60, 200]].map(Rgb).into_iter();
    let mut see = |machine: &mut Machine, name: &str| {
        let colour = colours.next().unwrap();
        setup.show_picture(machine, name, &RgbImage::from_pixel(96, 128, colour));
        machine.wait("the camera's picture on the screen", |machine| {
            let screen = machine.screen(&setup.pictures.join(format!("{name}.png")));
            is_seen(&screen, colour).then_some(())
        });
    };

    machine.run(&format!("echo {virtio} >{PANEL}/bind"));
    told(setup, &mut machine, "panel", &[false, true]);
    see(&mut machine, "panel-comes");
    println!("  a panel that comes later shows the camera's picture, and no console");
    machine.run(&format!("echo {virtio} >{PANEL}/unbind"));
    told(setup, &mut machine, "panel", &[false, true, false]);
    machine.run(&format!("echo {virtio} >{PANEL}/bind"));
    told(setup, &mut machine, "panel", &[false, true, false, true]);
    see(&mut machine, "panel-returns");
    println!("  so does one that was away");

    // It would show the last picture again and again without a writer.
    machine.run("v4l2-ctl -d /dev/video0 -c sustain_framerate=0 && systemctl stop camera.service");
    told(setup, &mut machine, "camera", &[true, false]);
    machine.run("systemctl start camera.service");
    told(setup, &mut machine, "camera", &[true, false, true]);
    see(&mut machine, "camera-returns");
    println!("  a camera that was away is seen through again");

    assert_eq!(process(&mut machine), first, "it is still the same process");
    println!("  all that under one and the same process");
    machine
}

/// Waits until the terminal has said of a device, one after the other, whether it works.
fn told(setup: &Setup, machine: &mut Machine, device: &str, story: &[bool]) {
    let device = format!("device=\"{device}\"");
    let of = |log: &str| -> Vec<bool> {
        let lines = log.lines().filter(|line| line.contains(&device));
        lines
            .filter_map(|line| {
                let works = line.contains(" works ");
                (works || line.contains(" does not work ")).then_some(works)
            })
            .collect()
    };
    machine.wait(&format!("{story:?} of {device}"), |_| {
        let said = of(&setup.log());
        assert!(said.len() <= story.len(), "{device}: {said:?} is more than {story:?}");
        (said == story).then_some(())
    });
}

/// Waits until the door has opened once more and is closed again.
fn opens(machine: &mut Machine, what: &str, act: impl FnOnce(&mut Machine)) {
    let before = openings(&output(machine));
    act(machine);
    machine.wait(&format!("the door that {what} opens"), |machine| {
        let changes = output(machine);
        let closed = levels(&changes, line::RELAY).last() == Some(&false);
        (openings(&changes) == before + 1 && closed).then_some(())
    });
}

/// Holds the card of the first of the people before the reader.
fn present(reader: &mut UnixStream) {
    reader.write_all(format!("{CARD}\r\n").as_bytes()).unwrap();
}

/// Whether the panel shows what is of one colour where nothing else lies over it.
fn is_seen(screen: &RgbImage, colour: Rgb<u8>) -> bool {
    (300..420).step_by(20).all(|x| {
        (400..600).step_by(20).all(|y| {
            let pixel = screen.get_pixel(x, y);
            // Colours of a camera are those of another standard than the panel's, and rounded twice.
            pixel.0.iter().zip(colour.0).all(|(is, should)| is.abs_diff(should) <= 12)
        })
    })
}
