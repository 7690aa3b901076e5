//! `watch`: says which entries change, and runs a command when one does.

pub(super) mod event;
mod observed;
mod queue;
mod seen;
mod task;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use strongroom::instant::{rfc3339, seconds};

use self::{
    event::{Event, EventView},
    observed::Observed,
    queue::{Ended, Job, Queue},
    task::{Outcome, Running, Task},
};
use super::{
    now, open_read_only,
    service_manager::{READY, STOPPING, tell_manager},
};
use crate::{
    args::{Arguments, Watch},
    failure::{Exit, Failure},
    prompt::leave_signals_to_the_server,
    render::{self, Printer, envelope, first_names},
};

/// Messages that may wait to be read; who sends more waits.
const BACKLOG: usize = 256;
/// How long a command may run on after the watch was told to end.
const LAST_RUN: Duration = Duration::from_secs(10);
/// How long nothing may happen before it is looked whether something is due.
const IDLE: Duration = Duration::from_secs(3_600);

/// What the watch hears of.
enum Message {
    Changed(Event),
    StoreFailed(String),
    StoreBack,
    /// The command has ended.
    Ended,
    /// A signal told the watch to end.
    Stop,
}

pub(super) fn run(arguments: &Arguments, command: &Watch, printer: &Printer) -> Result<(), Failure> {
    let mut observed = Observed::begin(open_read_only(arguments, printer)?, &command.aliases)?;
    for alias in observed.missing() {
        printer.note(&format!("there is no entry {alias} yet: it is waited for"));
    }
    let mut first = observed.take_events();
    if command.no_initial {
        first.retain(|event| event.kind == event::Kind::Unreadable);
    }
    let (tell, messages) = sync_channel(BACKLOG);
    stop_on_signal(tell.clone()).map_err(|error| cannot_start(&error))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, told) = (Arc::clone(&stop), tell.clone());
    let follower = thread::Builder::new().name("follow".to_owned());
    let follower = follower.spawn(move || observed.follow(&stopped, &told));
    let follower = follower.map_err(|error| cannot_start(&error))?;
    tell_manager(READY);
    let mut watching = Watching {
        printer,
        task: Task::of(arguments, command),
        queue: Queue::new(command.debounce, command.on_removal),
        running: None,
        ends: false,
        tell,
    };
    first.into_iter().for_each(|event| watching.changed(event));
    watching.go_on(&messages);
    tell_manager(STOPPING);
    stop.store(true, Ordering::Relaxed);
    watching.finish(&messages);
    // A thread that still waits to send gets an error, and ends.
    drop(messages);
    let _ = follower.join();
    Ok(())
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Other, "cannot_start", "watch", error.to_string())
}

/// From now on a signal ends the watch, and nothing else.
fn stop_on_signal(tell: SyncSender<Message>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    leave_signals_to_the_server();
    let waiting = move || {
        for _ in signals.forever() {
            if tell.send(Message::Stop).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(waiting).map(drop)
}

struct Watching<'p> {
    printer: &'p Printer,
    task: Option<Task>,
    queue: Queue,
    running: Option<(Job, Running)>,
    /// Whether nothing is started any more.
    ends: bool,
    tell: SyncSender<Message>,
}

impl Watching<'_> {
    /// Until a signal, or until nobody reads what is said.
    fn go_on(&mut self, messages: &Receiver<Message>) {
        while self.printer.flush() {
            self.start_due();
            let wakes = match &self.running {
                Some((_, running)) => running.wakes(),
                None => self.queue.wakes(),
            };
            let wait = wakes.map_or(IDLE, |instant| instant.saturating_duration_since(Instant::now()));
            match messages.recv_timeout(wait) {
                Ok(Message::Stop) => return,
                Ok(message) => self.hear(message),
                Err(RecvTimeoutError::Timeout) => {}
                // Never while this has a sender itself.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some((_, running)) = &mut self.running {
                running.mind(Instant::now());
            }
        }
    }

    /// Waits for the command that runs, for some time. Another signal ends it.
    fn finish(&mut self, messages: &Receiver<Message>) {
        self.ends = true;
        if let Some((job, running)) = &mut self.running {
            running.ends_by(Instant::now() + LAST_RUN);
            let alias = &job.event.alias;
            render::log(&format!("waiting up to {} s for the run for {alias}", LAST_RUN.as_secs()));
        }
        while let Some((_, running)) = &mut self.running {
            let now = Instant::now();
            running.mind(now);
            let wait = running.wakes().map_or(IDLE, |instant| instant.saturating_duration_since(now));
            match messages.recv_timeout(wait) {
                Ok(Message::Stop) => running.end(now),
                Ok(Message::Ended) => self.hear(Message::Ended),
                _ => {}
            }
        }
        let left: Vec<&str> = self.queue.left().map(strongroom::Alias::as_str).collect();
        if !left.is_empty() {
            const SHOWN: usize = 8;
            let names = first_names(left.iter().copied(), SHOWN);
            render::log(&format!("not run for the last change of {names}"));
        }
        render::log("stopped");
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Changed(event) => self.changed(event),
            Message::StoreFailed(reason) => self.tell_of_store("store_unreadable", Some(reason)),
            Message::StoreBack => self.tell_of_store("store_readable", None),
            Message::Ended => self.ended(),
            Message::Stop => {}
        }
    }

    fn changed(&mut self, event: Event) {
        self.say(event.view(), &event.text(), event.at);
        if self.task.is_some() {
            self.queue.changed(event, Instant::now());
        }
    }

    /// A line: of JSON, or of text; beside a command words go where its own are not mistaken for them.
    fn say(&self, view: EventView, text: &str, at: i64) {
        if self.printer.is_json() {
            self.printer.data(&envelope(&view));
        } else if self.task.is_some() {
            render::log(text);
        } else {
            self.printer.data(&format!("{} {text}\n", rfc3339(at)));
        }
    }

    fn tell_of_store(&self, event: &'static str, message: Option<String>) {
        let at = seconds(now());
        let text = match &message {
            Some(reason) => format!("the store cannot be read, and is tried again: {reason}"),
            None => "the store can be read again".to_owned(),
        };
        if self.printer.is_json() {
            self.printer.data(&envelope(&EventView {
                at: rfc3339(at),
                event,
                message,
                ..EventView::default()
            }));
        }
        render::log(&text);
    }

    fn start_due(&mut self) {
        while let Some(task) = &self.task {
            let Some(job) = self.queue.start(Instant::now()) else { return };
            match task.start(&job, &self.tell) {
                Ok(running) => {
                    self.running = Some((job, running));
                    return;
                }
                Err(error) => {
                    let reason = format!("cannot be started: {error}");
                    self.came_to(&job, &Outcome::Failed { reason, code: None }, Duration::ZERO);
                }
            }
        }
    }

    fn ended(&mut self) {
        if let Some((job, running)) = self.running.take() {
            let took = running.took();
            let outcome = running.outcome();
            self.came_to(&job, &outcome, took);
        }
    }

    /// Says how a run ended, and has it tried again if it failed.
    fn came_to(&mut self, job: &Job, outcome: &Outcome, took: Duration) {
        let ended = if matches!(outcome, Outcome::Failed { .. }) { Ended::Badly } else { Ended::Well };
        let pause = self.queue.ended(ended, Instant::now());
        let at = seconds(now());
        let again = match pause {
            _ if self.ends => Again::NotNow,
            Some(pause) => Again::In(pause),
            None => Again::Never,
        };
        let (view, text) = told(job, outcome, took, again);
        self.say(EventView { at: rfc3339(at), ..view }, &text, at);
    }
}

/// Whether a run that failed is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Again {
    In(Duration),
    /// Its entry is gone.
    Never,
    /// The watch ends.
    NotNow,
}

/// What is said of a run, to programs and to people.
fn told(job: &Job, outcome: &Outcome, took: Duration, again: Again) -> (EventView, String) {
    let (alias, attempt) = (&job.event.alias, job.attempt);
    let (event, exit_code, message) = match outcome {
        Outcome::Well => ("run_done", Some(0), None),
        // What stands behind an export that wrote at an attempt before was not done.
        Outcome::Unchanged if attempt > 1 => (
            "run_unchanged",
            Some(task::UNCHANGED),
            Some("the command says that there was nothing to do (exit code 9), after an attempt that failed; what comes behind an export in it was not done".to_owned()),
        ),
        Outcome::Unchanged => ("run_unchanged", Some(task::UNCHANGED), None),
        Outcome::Failed { reason, code } => ("run_failed", *code, Some(format!("the command {reason}"))),
    };
    let text = match (outcome, &message, again) {
        (Outcome::Well, ..) => {
            let attempts = if attempt > 1 { format!(", at attempt {attempt}") } else { String::new() };
            format!("run for {alias} in {:.1} s{attempts}", took.as_secs_f64())
        }
        (_, None, _) => format!("run for {alias}: nothing to do (exit code 9)"),
        (Outcome::Unchanged, Some(message), _) => format!("{alias}: {message}"),
        (_, Some(message), Again::In(pause)) => {
            format!("{alias}: {message}; again in {} s", pause.as_secs())
        }
        (_, Some(message), Again::NotNow) => format!("{alias}: {message}"),
        (_, Some(message), Again::Never) => {
            format!("{alias}: {message}; not tried again, since there is no such entry any more")
        }
    };
    let view = EventView {
        event,
        alias: Some(alias.to_string()),
        exit_code,
        attempt: Some(attempt),
        retry_in_seconds: match again {
            Again::In(pause) if matches!(outcome, Outcome::Failed { .. }) => Some(pause.as_secs()),
            _ => None,
        },
        message,
        ..EventView::default()
    };
    (view, text)
}
