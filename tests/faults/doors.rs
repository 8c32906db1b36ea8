//! The state behind both doors of a run: the journal of all calls, the plan, and which life of the
//! controller may still speak.

use super::calls::{Call, Door};
use super::plan::Fault;
use super::words;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long watches are disturbed or the API server is away.
const SPELL: Duration = Duration::from_secs(1);

/// One call and what came of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The step of the workload during which it was made.
    pub step: usize,
    /// Which life of the controller made it, from 1.
    pub life: u32,
    /// The call's name within the step.
    pub site: String,
    pub call: Call,
    /// What it was struck with.
    pub fault: Option<Fault>,
    /// The status that the server answered with, absent where it was never asked.
    pub status: Option<u16>,
    /// What the server answered, for AWS calls.
    pub answer: String,
    /// How many calls had been begun when the answer came: what was begun later may know of it.
    pub answered_at: usize,
}

impl Entry {
    /// Whether the server carried it out.
    pub fn took_effect(&self) -> bool {
        self.status.is_some_and(|status| status < 400)
    }

    pub fn is_aws(&self) -> bool {
        self.call.door == Door::Aws
    }
}

/// Writes a journal to the file `RUN.journal` in the target folder.
pub fn write_down(journal: &[Entry], run: &str) {
    let lines = journal.iter().map(|entry| {
        let step = if entry.step == usize::MAX { "-".to_owned() } else { entry.step.to_string() };
        let fault = entry.fault.map(|fault| format!(" [{fault}]")).unwrap_or_default();
        let status = entry.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        format!("step {step} life {} {}{fault} → {status} {}\n", entry.life, entry.site, entry.call.body)
    });
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{run}.journal"));
    std::fs::write(path, lines.collect::<String>()).unwrap();
}

/// What is to happen at a site.
#[derive(Clone, Debug)]
pub struct Strike {
    pub site: String,
    pub fault: Fault,
    /// After which write from there on the controller dies once more.
    pub again: Option<u32>,
}

/// What is wrong with the API server and its watches for a while.
#[derive(Clone, Copy, Debug)]
pub struct Spell {
    pub fault: Fault,
    pub until: Instant,
}

#[derive(Default)]
struct State {
    journal: Vec<Entry>,
    step: usize,
    /// How many lives have begun.
    life: u32,
    /// The last of those that are over.
    over: u32,
    numbers: HashMap<String, u32>,
    writes: u32,
    strike: Option<Strike>,
    /// The operation that goes on failing, and how many times more.
    failing: Option<(String, Fault, u32)>,
    /// How many writes are left until the controller dies once more, that one included.
    dies_in: Option<u32>,
    fired: bool,
}

/// Both doors of one run.
pub struct Doors {
    state: Mutex<State>,
    crashes: watch::Sender<u32>,
    spell: watch::Sender<Option<Spell>>,
    /// The life that is cut off from everything.
    cut_off: watch::Sender<Option<u32>>,
    /// Where calls are sent from: it outlives the controllers, and so do calls that they have begun.
    pub runtime: Handle,
}

impl Doors {
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            crashes: watch::Sender::new(0),
            spell: watch::Sender::new(None),
            cut_off: watch::Sender::new(None),
            runtime: Handle::current(),
        }
    }

    /// Begins the life of a controller; what an earlier one still says is not heard any more.
    pub fn begin_life(&self) -> u32 {
        let life = self.begin_rival();
        self.lock().over = life - 1;
        life
    }

    /// Begins the life of a controller beside those that live.
    pub fn begin_rival(&self) -> u32 {
        let mut state = self.lock();
        state.life += 1;
        state.life
    }

    /// What is wrong with the API server and its watches, as it changes.
    pub fn spells(&self) -> watch::Receiver<Option<Spell>> {
        self.spell.subscribe()
    }

    /// Whether the API server takes no connections.
    pub fn is_away(&self) -> bool {
        self.spell.borrow().is_some_and(|spell| spell.fault == Fault::Away && Instant::now() < spell.until)
    }

    /// Waits as long as this life is cut off.
    pub async fn reach(&self, life: u32) {
        // It cannot fail: the sender that would have to be gone is this one.
        let _ = self.cut_off.subscribe().wait_for(|cut_off| *cut_off != Some(life)).await;
    }

    /// Nobody is cut off any more.
    pub fn heal(&self) {
        self.cut_off.send_replace(None);
    }

    /// Begins a step of the workload: numbers start anew, and `strike` is what happens in it.
    pub fn begin_step(&self, step: usize, strike: Option<Strike>) {
        let mut state = self.lock();
        (state.step, state.strike, state.failing, state.dies_in) = (step, strike, None, None);
        (state.writes, state.fired) = (0, false);
        state.numbers.clear();
    }

    /// Counts the crashes, for whoever starts the next controller.
    pub fn crashes(&self) -> watch::Receiver<u32> {
        self.crashes.subscribe()
    }

    /// Whether what strikes in this step has struck.
    pub fn fired(&self) -> bool {
        self.lock().fired
    }

    pub fn journal(&self) -> Vec<Entry> {
        self.lock().journal.clone()
    }

    /// Lets a call in: its number in the journal and what happens to it. Nothing where the controller
    /// that makes it is dead, be it by this very call.
    pub fn admit(&self, life: u32, call: Call) -> Option<(usize, Option<Fault>)> {
        let mut state = self.lock();
        if life <= state.over {
            return None;
        }
        let site = state.name(&call);
        let fault = state.fault(&site, &call);
        let (step, number) = (state.step, state.journal.len());
        state.journal.push(Entry {
            step,
            life,
            site,
            call,
            fault,
            status: None,
            answer: String::new(),
            answered_at: 0,
        });
        drop(state);
        match fault {
            Some(Fault::CrashBefore | Fault::KilledBefore) => {
                self.crash(life);
                return None;
            }
            Some(Fault::Held) => {
                self.cut_off.send_replace(Some(life));
            }
            Some(fault) if Fault::SPELLS.contains(&fault) => {
                self.spell.send_replace(Some(Spell { fault, until: Instant::now() + SPELL }));
            }
            _ => {}
        }
        Some((number, fault))
    }

    /// Writes down what a server answered.
    pub fn answered(&self, number: usize, status: u16, answer: &str) {
        let mut state = self.lock();
        let begun = state.journal.len();
        if let Some(entry) = state.journal.get_mut(number) {
            (entry.status, entry.answer, entry.answered_at) = (Some(status), answer.to_owned(), begun);
        }
    }

    /// The controller of this life dies: from here on it is not heard.
    pub fn crash(&self, life: u32) {
        let mut state = self.lock();
        if life > state.over {
            state.over = life;
            drop(state);
            self.crashes.send_modify(|crashes| *crashes += 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The call's name: writes by their number among those of the same operation on the same object;
    /// reads by that among those since the last write to AWS, because how often something is polled
    /// differs from run to run.
    fn name(&mut self, call: &Call) -> String {
        let door = match call.door {
            Door::Kubernetes => "kubernetes",
            Door::Aws => "aws",
        };
        let since = if call.write { String::new() } else { format!("@{}", self.writes) };
        let key = format!("{door}:{}{since}", call.operation);
        let number = self.numbers.entry(key.clone()).or_default();
        *number += 1;
        let name = format!("{key}#{number}");
        if call.write && call.door == Door::Aws {
            self.writes += 1;
        }
        name
    }

    fn fault(&mut self, site: &str, call: &Call) -> Option<Fault> {
        if let Some((operation, fault, left)) = &mut self.failing
            && *operation == call.operation
            && *left > 0
        {
            *left -= 1;
            return Some(*fault);
        }
        if let Some(left) = self.dies_in.as_mut().filter(|_| call.write) {
            *left -= 1;
            if *left == 0 {
                (self.dies_in, self.fired) = (None, true);
                return Some(Fault::CrashAfter);
            }
        }
        let strike = self.strike.take_if(|strike| strike.site == site && words::can_be(call, strike.fault))?;
        (self.dies_in, self.fired) = (strike.again, strike.again.is_none());
        self.failing = Some((call.operation.clone(), strike.fault, strike.fault.times() - 1));
        Some(strike.fault)
    }
}
