//! The thread that keeps the panel up to date: as often as something moves, and no oftener than an eye can follow.

use std::sync::Arc;
use std::time::Duration;

use super::{Display, Moment};
use crate::clock::{Inbox, Mono};
use crate::condition::Condition;
use crate::hal::Panel;

/// From one picture to the next: 25 a second, as the camera has them.
const BEAT: Duration = Duration::from_millis(40);
/// How long a panel that failed is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// What the thread is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The terminal stops.
    Stop,
}

/// The thread that draws.
pub struct Showing {
    /// Where events arrive.
    pub inbox: Inbox<Event>,
    /// What is to be seen, and the clock.
    pub display: Arc<Display>,
    /// Where it is shown.
    pub panel: Box<dyn Panel>,
    /// Whether it works.
    pub condition: Condition,
}

impl std::fmt::Debug for Showing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Showing").finish_non_exhaustive()
    }
}

impl Showing {
    /// Runs until [`Event::Stop`].
    pub fn run(mut self) {
        let mut painter = self.display.painter(self.panel.rotation());
        let mut shown: Option<Moment> = None;
        loop {
            let start = self.display.clock.mono();
            let moment = self.display.moment();
            let mut next = start.after(BEAT);
            if !shown.as_ref().is_some_and(|shown| shown.looks_like(&moment)) {
                let outcome = self.panel.show(moment.paint(&mut painter));
                self.condition.note(&outcome);
                shown = outcome.is_ok().then_some(moment);
                if shown.is_none() {
                    next = start.after(RETRY);
                }
            }
            if self.stops(next) {
                // What stands there would look as if somebody still saw to it. A panel that fails is dark enough.
                let _ = self.panel.show(painter.blank());
                return;
            }
        }
    }

    /// Waits; whether the terminal stops meanwhile.
    fn stops(&self, until: Mono) -> bool {
        self.inbox.next(&*self.display.clock, Some(until)) == Some(Event::Stop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use image::RgbImage;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::bail;
    use crate::clock::{Bell, Clock, ManualClock, Outbound, lock};
    use crate::condition::Conditions;
    use crate::control::decisions::Decisions;
    use crate::error::Result;
    use crate::field::Flag;
    use crate::hal::Rotation;
    use crate::settings::Panel as Shown;
    use crate::ui::{Message, Said, Screen, rig};

    /// A clock on which waiting takes no time, and things happen while somebody waits.
    #[derive(Debug)]
    struct Played {
        clock: ManualClock,
        /// Milliseconds, and what happens then.
        script: Mutex<Vec<(u64, Step)>>,
    }

    #[derive(Debug)]
    enum Step {
        Say(Arc<Screen>, Message),
        Stop(Outbound<Event>),
    }

    impl Clock for Played {
        fn mono(&self) -> Mono {
            self.clock.mono()
        }
        fn wall(&self) -> Timestamp {
            self.clock.wall()
        }
        fn set_wall(&self, to: Timestamp) {
            self.clock.set_wall(to);
        }
        fn wait(&self, _: &Bell, deadline: Option<Mono>) {
            self.clock.advance(deadline.unwrap().since(self.mono()));
            let now = self.mono();
            let due = lock(&self.script).extract_if(.., |(at, _)| Mono(*at * 1000) <= now).collect::<Vec<_>>();
            for (_, step) in due {
                match step {
                    Step::Say(screen, message) => screen.say(message),
                    Step::Stop(stop) => stop.send(Event::Stop),
                }
            }
        }
    }

    /// Keeps when it was shown what; fails until a moment, milliseconds.
    struct Watched {
        clock: Arc<Played>,
        fails_until: u64,
        shown: Arc<Mutex<Vec<(u64, RgbImage)>>>,
    }

    impl Panel for Watched {
        fn rotation(&self) -> Rotation {
            Rotation::NONE
        }

        fn show(&mut self, picture: &RgbImage) -> Result<()> {
            let now = self.clock.mono().0 / 1000;
            lock(&self.shown).push((now, picture.clone()));
            if now < self.fails_until {
                bail!(Unavailable, "the panel /dev/fb0 is gone");
            }
            Ok(())
        }
    }

    /// What a panel was shown by the end of a script, and what was told.
    fn play(
        fails_until: u64,
        script: impl FnOnce(&Display) -> Vec<(u64, Message)>,
        stop: u64,
    ) -> (Vec<(u64, RgbImage)>, Vec<serde_json::Value>) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Played { clock: ManualClock::at(Timestamp::UNIX_EPOCH), script: Mutex::default() });
        let (display, _) = rig::display(folder.path(), clock.clone());
        let still = |panel: &mut Shown| {
            (panel.show_time, panel.show_date) = (Flag::of(0), Flag::of(0));
            Ok(())
        };
        display.settings.change::<Shown>(still).unwrap();
        let inbox = Inbox::default();
        let mut steps = vec![(stop, Step::Stop(inbox.sender()))];
        let says = script(&display).into_iter();
        steps.extend(says.map(|(at, message)| (at, Step::Say(display.screen.clone(), message))));
        *lock(&clock.script) = steps;
        let (shown, decisions) = (Arc::new(Mutex::default()), Arc::<Decisions>::default());
        let condition = Conditions::new(decisions.clone(), display.settings.clone(), clock.clone()).of("panel");
        let panel = Box::new(Watched { clock, fails_until, shown: shown.clone() });
        Showing { inbox, display: Arc::new(display), panel, condition }.run();
        (std::mem::take(&mut lock(&shown)), decisions.lines(0))
    }

    #[test]
    fn what_changes_is_shown_and_what_stays_is_not_shown_again() {
        let mut idle = RgbImage::default();
        let script = |display: &Display| {
            idle = display.picture();
            vec![(1000, Message::new(Said::Refused, Mono(3_000_000)))]
        };
        let (shown, told) = play(0, script, 5000);
        let times: Vec<_> = shown.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 1000, 3000, 5000]);
        assert!(shown[0].1 == idle && shown[2].1 == idle && shown[1].1 != idle);
        assert!(shown[3].1.iter().all(|byte| *byte == 0), "at the end it is dark");
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn a_panel_that_fails_is_told_of_once_and_tried_every_second() {
        let (shown, told) = play(2500, |_| Vec::new(), 9000);
        let times: Vec<_> = shown.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0, 1000, 2000, 3000, 9000], "then nothing changes until the end");
        let lines: Vec<_> = told.iter().map(|line| (&line["event"], &line["device"], &line["works"])).collect();
        let (event, device) = (json!("device"), json!("panel"));
        assert_eq!(lines, [(&event, &device, &json!(false)), (&event, &device, &json!(true))]);
        assert!(told[0]["why"].as_str().unwrap().contains("/dev/fb0"), "{:?}", told[0]);
    }
}
