//! Readers against the kernel's own objects: input devices made with `/dev/uinput`, serial lines that are pseudo
//! terminals. Where the kernel has no uinput, or may not be asked for it, a test about one says so and skips.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use evdev::uinput::{VirtualDevice, VirtualDeviceBuilder};
use evdev::{AbsInfo, AbsoluteAxisCode as Axis, AttributeSet, EventType, InputEvent, KeyCode, UinputAbsSetup};
use facegate::hal::Rotation;
use facegate::hal::linux::input::{Input, InputNode};
use facegate::hal::linux::number::Digits;
use facegate::hal::linux::serial::{Framing, SerialReader};
use facegate::hal::{Key, Sensed, Sensor};
use linux_embedded_hal::serialport::{SerialPort, TTYPort};

/// How long a sensor is asked at a time.
const TURN: Duration = Duration::from_millis(50);
/// Turns after which something that has not come never comes.
const TURNS: usize = 200;
/// Turns in which nothing more may come: shorter together than the silence that ends a number.
const QUIET: usize = 3;

const DIGITS: [KeyCode; 10] = [
    KeyCode::KEY_0,
    KeyCode::KEY_1,
    KeyCode::KEY_2,
    KeyCode::KEY_3,
    KeyCode::KEY_4,
    KeyCode::KEY_5,
    KeyCode::KEY_6,
    KeyCode::KEY_7,
    KeyCode::KEY_8,
    KeyCode::KEY_9,
];

/// Builds a device of this name, or says why not.
fn device(name: &str, build: impl FnOnce(VirtualDeviceBuilder<'_>) -> VirtualDevice) -> Option<VirtualDevice> {
    match VirtualDevice::builder() {
        Ok(builder) => Some(build(builder.name(name))),
        Err(error) => {
            // Past the test harness, which keeps to itself what passing tests print.
            let line = format!("skipped: {name:?}: /dev/uinput cannot be used here: {error}\n");
            let _ = std::io::stderr().write_all(line.as_bytes());
            None
        }
    }
}

fn keyboard(name: &str) -> Option<VirtualDevice> {
    let mut keys: AttributeSet<KeyCode> = DIGITS.into_iter().collect();
    [KeyCode::KEY_ENTER, KeyCode::KEY_ESC, KeyCode::KEY_BACKSPACE, KeyCode::KEY_A, KeyCode::KEY_LEFTSHIFT]
        .into_iter()
        .for_each(|key| keys.insert(key));
    device(name, |builder| builder.with_keys(&keys).unwrap().build().unwrap())
}

/// A panel whose axes go from 0 to 4095 across and to 2047 down; either it has a button, or it tells fingers apart.
fn panel(name: &str, [x, y]: [Axis; 2], button: bool) -> Option<VirtualDevice> {
    device(name, |builder| {
        let mut axes = vec![(x, 4095), (y, 2047)];
        let mut keys = AttributeSet::new();
        if button {
            keys.insert(KeyCode::BTN_TOUCH);
        } else {
            axes.extend([(Axis::ABS_MT_SLOT, 4), (Axis::ABS_MT_TRACKING_ID, 65535)]);
        }
        let mut builder = builder.with_keys(&keys).unwrap();
        for (axis, to) in axes {
            builder = builder.with_absolute_axis(&UinputAbsSetup::new(axis, AbsInfo::new(0, 0, to, 0, 0, 0))).unwrap();
        }
        builder.build().unwrap()
    })
}

fn node(device: &mut VirtualDevice) -> InputNode {
    let path: PathBuf = device
        .enumerate_dev_nodes_blocking()
        .unwrap()
        .filter_map(Result::ok)
        .find(|path| path.to_str().is_some_and(|path| path.contains("event")))
        .unwrap();
    InputNode::Path(path)
}

fn named(name: &str) -> InputNode {
    format!("name:{name}").try_into().unwrap()
}

fn press(device: &mut VirtualDevice, key: KeyCode) {
    for value in [1, 0] {
        device.emit(&[InputEvent::new(EventType::KEY.0, key.0, value)]).unwrap();
    }
}

/// Types decimal digits, `\n` is Enter.
fn type_in(device: &mut VirtualDevice, text: &str) {
    for sign in text.chars() {
        press(device, sign.to_digit(10).map_or(KeyCode::KEY_ENTER, |digit| DIGITS[digit as usize]));
    }
}

fn touch(device: &mut VirtualDevice, events: &[(Axis, i32)]) {
    let events: Vec<_> =
        events.iter().map(|(axis, value)| InputEvent::new(EventType::ABSOLUTE.0, axis.0, *value)).collect();
    device.emit(&events).unwrap();
}

/// Opens the sensor, which reports nothing yet.
fn open(sensor: &mut impl Sensor) {
    assert_eq!(sensor.next(Duration::ZERO).unwrap(), None);
}

/// The next `count` things the sensor reports, after which it reports nothing.
fn reported(sensor: &mut impl Sensor, count: usize) -> Vec<Sensed> {
    let mut found = Vec::new();
    for _ in 0..TURNS {
        if found.len() == count {
            break;
        }
        found.extend(sensor.next(TURN).unwrap());
    }
    for _ in 0..QUIET {
        found.extend(sensor.next(TURN).unwrap());
    }
    found
}

#[test]
fn keys_are_pressed_once_and_go_nowhere_else() {
    let Some(mut keyboard) = keyboard("facegate test keypad") else { return };
    let node = node(&mut keyboard);
    let InputNode::Path(path) = &node else { unreachable!("it was made from a path") };
    let mut other = evdev::Device::open(path).unwrap();
    other.set_nonblocking(true).unwrap();
    let mut keypad = Input::keypad(node.clone());
    open(&mut keypad);
    type_in(&mut keyboard, "19");
    // Held until it repeats itself.
    for value in [1, 2, 2, 0] {
        keyboard.emit(&[InputEvent::new(EventType::KEY.0, KeyCode::KEY_4.0, value)]).unwrap();
    }
    press(&mut keyboard, KeyCode::KEY_A);
    press(&mut keyboard, KeyCode::KEY_BACKSPACE);
    press(&mut keyboard, KeyCode::KEY_ESC);
    press(&mut keyboard, KeyCode::KEY_ENTER);
    let keys = [Key::Digit(1), Key::Digit(9), Key::Digit(4), Key::Back, Key::Clear, Key::Enter];
    assert_eq!(reported(&mut keypad, keys.len()), keys.map(Sensed::Key));
    assert!(other.fetch_events().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    let error = Input::keypad(node.clone()).next(Duration::ZERO).unwrap_err();
    assert!(error.detail.contains("is held by another program"), "{error}");
    drop(keypad);
    open(&mut Input::keypad(node));
}

#[test]
fn a_typing_reader_is_found_by_name_wherever_it_is_plugged_in() {
    let name = "facegate test reader";
    let mut reader = Input::card_reader(named(name), Digits::Decimal);
    let error = reader.next(Duration::ZERO).unwrap_err();
    assert!(error.detail.starts_with(&format!("name:{name}: is not there; ")), "{error}");
    for _ in 0..2 {
        let Some(mut keyboard) = keyboard(name) else { return };
        open(&mut reader);
        type_in(&mut keyboard, "0012345678\n77\n");
        assert_eq!(reported(&mut reader, 2), [Sensed::RfCard(12_345_678), Sensed::RfCard(77)]);
        // Plugged out in the middle of a number.
        type_in(&mut keyboard, "99");
        drop(keyboard);
        let error = (0..TURNS).find_map(|_| reader.next(TURN).err()).unwrap();
        assert!(error.detail.contains("does not answer any more"), "{error}");
    }
}

#[test]
fn a_silence_ends_a_number() {
    let name = "facegate test silent reader";
    let Some(mut keyboard) = keyboard(name) else { return };
    let mut reader = Input::card_reader(named(name), Digits::Decimal);
    open(&mut reader);
    type_in(&mut keyboard, "42");
    assert_eq!(reported(&mut reader, 1), [Sensed::RfCard(42)]);
    type_in(&mut keyboard, "43\n");
    assert_eq!(reported(&mut reader, 1), [Sensed::RfCard(43)]);
}

#[test]
fn a_number_of_which_keys_were_lost_is_none() {
    let name = "facegate test hasty reader";
    let Some(mut keyboard) = keyboard(name) else { return };
    let mut reader = Input::card_reader(named(name), Digits::Decimal);
    open(&mut reader);
    // Far more keys than the kernel keeps for who does not read: of what is left somebody else's number could be made.
    type_in(&mut keyboard, "1111111111111111111111111111111111111111\n");
    assert_eq!(reported(&mut reader, 0), []);
    type_in(&mut keyboard, "78\n");
    assert_eq!(reported(&mut reader, 1), [Sensed::RfCard(78)]);
}

#[test]
fn a_panel_is_touched_once_a_touch() {
    let rotated = |degrees| Rotation::try_from(degrees).unwrap();
    let Some(mut plain) = panel("facegate test panel", [Axis::ABS_X, Axis::ABS_Y], true) else { return };
    let node = node(&mut plain);
    for (degrees, x, y) in [(0, 1.0, 0.0), (90, 0.0, 0.0), (180, 0.0, 1.0), (270, 1.0, 1.0)] {
        let mut fingers = Input::touch(node.clone(), rotated(degrees));
        open(&mut fingers);
        let button = |value| InputEvent::new(EventType::KEY.0, KeyCode::BTN_TOUCH.0, value);
        plain.emit(&[button(1), InputEvent::new(EventType::ABSOLUTE.0, Axis::ABS_X.0, 4095)]).unwrap();
        touch(&mut plain, &[(Axis::ABS_X, 2000), (Axis::ABS_Y, 1000)]);
        plain.emit(&[button(0)]).unwrap();
        // Back to where it was, so that the next panel opened finds it there.
        touch(&mut plain, &[(Axis::ABS_X, 0), (Axis::ABS_Y, 0)]);
        assert_eq!(reported(&mut fingers, 1), [Sensed::Touch { x, y }], "{degrees}");
    }
    let error = Input::keypad(node).next(Duration::ZERO).unwrap_err();
    assert!(error.detail.ends_with("is no keypad: it has no digits"), "{error}");
}

#[test]
fn a_panel_of_many_fingers_is_touched_by_the_first() {
    let name = "facegate test fingers";
    let (x, y) = (Axis::ABS_MT_POSITION_X, Axis::ABS_MT_POSITION_Y);
    let (slot, id) = (Axis::ABS_MT_SLOT, Axis::ABS_MT_TRACKING_ID);
    let Some(mut panel) = panel(name, [x, y], false) else { return };
    let mut fingers = Input::touch(named(name), Rotation::try_from(0).unwrap());
    open(&mut fingers);
    touch(&mut panel, &[(slot, 0), (id, 7), (x, 4095), (y, 2047)]);
    touch(&mut panel, &[(slot, 1), (id, 8), (x, 100), (y, 100)]);
    touch(&mut panel, &[(slot, 0), (id, -1), (slot, 1), (id, -1)]);
    // Where the kernel says nothing of `y`, because it is as it was.
    touch(&mut panel, &[(slot, 0), (id, 9), (x, 0), (y, 2047)]);
    touch(&mut panel, &[(id, -1)]);
    assert_eq!(reported(&mut fingers, 2), [Sensed::Touch { x: 1.0, y: 1.0 }, Sensed::Touch { x: 0.0, y: 1.0 }]);
    // More moves than the kernel keeps, and the finger leaves among them: the next one is a first one all the same.
    touch(&mut panel, &[(id, 10), (x, 1), (y, 1)]);
    (0..1000).for_each(|place| touch(&mut panel, &[(x, place), (y, place)]));
    touch(&mut panel, &[(id, -1)]);
    // Whether that touch is told depends on what was lost.
    assert!(reported(&mut fingers, 0).len() <= 1);
    touch(&mut panel, &[(id, 11), (x, 4095), (y, 0)]);
    assert_eq!(reported(&mut fingers, 1), [Sensed::Touch { x: 1.0, y: 0.0 }]);
}

#[test]
fn an_old_panel_is_touched_where_its_last_finger_is() {
    let name = "facegate test old panel";
    let (x, y) = (Axis::ABS_MT_POSITION_X, Axis::ABS_MT_POSITION_Y);
    let Some(mut panel) = panel(name, [x, y], true) else { return };
    let mut fingers = Input::touch(named(name), Rotation::try_from(0).unwrap());
    open(&mut fingers);
    let axis = |axis: Axis, value| InputEvent::new(EventType::ABSOLUTE.0, axis.0, value);
    let button = |value| InputEvent::new(EventType::KEY.0, KeyCode::BTN_TOUCH.0, value);
    for _ in 0..2 {
        panel.emit(&[button(1), axis(x, 4095), axis(y, 0)]).unwrap();
        panel.emit(&[button(0)]).unwrap();
    }
    assert_eq!(reported(&mut fingers, 2), vec![Sensed::Touch { x: 1.0, y: 0.0 }; 2]);
}

#[test]
fn a_reader_on_a_serial_line_is_heard() {
    let (mut master, slave) = TTYPort::pair().unwrap();
    let line = PathBuf::from(slave.name().unwrap());
    drop(slave);
    let mut reader = SerialReader::new(line, 19200, Framing::Rdm6300);
    open(&mut reader);
    master.write_all(b"\xFF\x0062E3086CED08\x03\x0262E3086CED08\x03").unwrap();
    assert_eq!(reported(&mut reader, 1), [Sensed::RfCard(0xE308_6CED)]);
}
