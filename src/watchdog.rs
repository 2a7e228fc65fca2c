//! Feeds the hardware watchdog as long as the door's loop answers.

use std::time::Duration;

use tracing::error;

use crate::clock::{Clock, Inbox, Outbound};
use crate::condition::Condition;
use crate::control::Event;
use crate::hal::Watchdog;

/// What the keeper is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// The loop answers.
    Here,
    /// The terminal stops.
    Stop,
}

/// Asks `control` three times within the watchdog's patience, and feeds it for each answer. Stops it at the end, so that
/// a terminal that was stopped on purpose is not restarted.
pub fn run(
    mut watchdog: Box<dyn Watchdog>,
    mut condition: Condition,
    inbox: &Inbox<Message>,
    control: &Outbound<Event>,
    clock: &dyn Clock,
) {
    let mut asked = false;
    loop {
        // The device may have another patience than it was asked for, which is known once it is fed.
        let round = (watchdog.patience() / 3).max(Duration::from_millis(100));
        if !asked {
            control.send(Event::Roll(inbox.sender()));
            asked = true;
        }
        let until = clock.mono().after(round);
        loop {
            match inbox.next(clock, Some(until)) {
                Some(Message::Here) => {
                    asked = false;
                    condition.note(&watchdog.feed());
                }
                Some(Message::Stop) => {
                    if let Err(error) = watchdog.disarm() {
                        condition.fails(&error);
                    }
                    return;
                }
                None => break,
            }
        }
        if asked {
            error!("the door's loop does not answer; the watchdog is not fed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use jiff::Timestamp;

    use super::*;
    use crate::clock::{ManualClock, lock};
    use crate::condition::Conditions;
    use crate::control::decisions::Decisions;
    use crate::error::Result;
    use crate::settings::Live;

    struct Counted(Arc<Mutex<Vec<&'static str>>>);

    impl Watchdog for Counted {
        fn patience(&self) -> Duration {
            Duration::from_secs(15)
        }
        fn feed(&mut self) -> Result<()> {
            lock(&self.0).push("fed");
            Ok(())
        }
        fn disarm(&mut self) -> Result<()> {
            lock(&self.0).push("stopped");
            Ok(())
        }
    }

    #[test]
    fn a_loop_that_does_not_answer_is_not_vouched_for() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let settings = Live::unkept();
        let conditions = Conditions::new(Arc::new(Decisions::default()), settings, clock.clone());
        let (inbox, control) = (Inbox::default(), Inbox::<Event>::default());
        let (teller, done) = (inbox.sender(), Arc::new(Mutex::new(Vec::new())));
        let asked = || match control.next(&*clock, None) {
            Some(Event::Roll(answer)) => answer,
            other => panic!("{other:?}"),
        };
        std::thread::scope(|scope| {
            let watchdog = Box::new(Counted(done.clone()));
            scope.spawn(|| run(watchdog, conditions.of("watchdog"), &inbox, &control.sender(), &*clock));
            asked().send(Message::Here);
            // Five seconds later it asks again, and is not answered; it does not ask a third time.
            while lock(&done).is_empty() {
                std::thread::yield_now();
            }
            let answer = loop {
                clock.advance(Duration::from_secs(5));
                if let Some(Event::Roll(answer)) = control.drain().pop() {
                    break answer;
                }
                std::thread::yield_now();
            };
            (0..10).for_each(|_| clock.advance(Duration::from_secs(5)));
            assert_eq!(*lock(&done), ["fed"]);
            answer.send(Message::Here);
            while lock(&done).len() < 2 {
                std::thread::yield_now();
            }
            teller.send(Message::Stop);
        });
        assert_eq!(*lock(&done), ["fed", "fed", "stopped"]);
    }
}
