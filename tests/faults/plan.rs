//! What goes wrong, and where.

use std::fmt;
use std::str::FromStr;

/// One way in which a call can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The controller dies before the call is sent.
    CrashBefore,
    /// The call takes effect, and its answer is lost on the way.
    AnswerLost,
    /// The call takes effect, and the controller dies before it hears of it.
    CrashAfter,
    /// AWS asks to slow down, for a while.
    Throttled,
    /// AWS fails without effect, for a while.
    ErrorBefore,
    /// AWS fails although the call takes effect, the SDK's own repeat included.
    ErrorAfter,
    /// AWS denies the call, for a while.
    Denied,
    /// AWS says that what exists does not, once.
    NotFound,
    /// Something between us and AWS answers with an empty 404, once.
    Blank,
    /// Something between us and AWS answers with a 404 and a page for people, once.
    Page,
    /// A list omits what is there, once.
    Omitted,
    /// The call takes effect and is never answered, the SDK's own repeat included.
    Hang,
    /// The answer breaks off in its middle, the SDK's own repeat included.
    Truncated,
    /// The real program is killed by SIGKILL before its call is passed on.
    KilledBefore,
    /// The call takes effect, and the real program is killed by SIGKILL before it has the answer.
    KilledAfter,
    /// From here on the watch brings nothing for a while, and then everything.
    Stale,
    /// From here on the watch brings nothing for a while, and is then too old to go on (410).
    Missed,
    /// The watch is too old to go on (410) at once.
    Gone,
    /// For a while the watch brings everything three times, and its last events once more before.
    Repeated,
    /// What the watch would bring in a while comes in reverse, and then what is true once more.
    Reordered,
    /// The call takes effect; its answer and all connections to the API server are lost, and for a while it
    /// takes none.
    Away,
    /// The leading program is cut off from everything before its call is passed on, until another leads and
    /// has done the work.
    Held,
    /// The leading program is stopped with the answer to this look, until another leads and has done the work.
    Frozen,
}

impl Fault {
    /// What every write is struck with.
    pub const AT_WRITES: [Self; 3] = [Self::CrashBefore, Self::AnswerLost, Self::CrashAfter];

    /// What AWS calls are struck with besides, as far as it applies to them.
    pub const AT_AWS_CALLS: [Self; 10] = [
        Self::Throttled,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::Denied,
        Self::NotFound,
        Self::Blank,
        Self::Page,
        Self::Omitted,
        Self::Hang,
        Self::Truncated,
    ];

    /// How the real program is killed.
    pub const KILLS: [Self; 2] = [Self::KilledBefore, Self::KilledAfter];

    /// What happens to watches, and to the API server, from a call on.
    pub const SPELLS: [Self; 6] = [Self::Stale, Self::Missed, Self::Gone, Self::Repeated, Self::Reordered, Self::Away];

    const NAMES: [(Self, &'static str); 23] = [
        (Self::CrashBefore, "crash-before"),
        (Self::AnswerLost, "answer-lost"),
        (Self::CrashAfter, "crash-after"),
        (Self::Throttled, "throttled"),
        (Self::ErrorBefore, "error-without-effect"),
        (Self::ErrorAfter, "error-with-effect"),
        (Self::Denied, "denied"),
        (Self::NotFound, "not-found"),
        (Self::Blank, "blank-404"),
        (Self::Page, "page-404"),
        (Self::Omitted, "omitted"),
        (Self::Hang, "hang"),
        (Self::Truncated, "truncated"),
        (Self::KilledBefore, "killed-before"),
        (Self::KilledAfter, "killed-after"),
        (Self::Stale, "stale-watch"),
        (Self::Missed, "missed-events"),
        (Self::Gone, "watch-gone"),
        (Self::Repeated, "repeated-events"),
        (Self::Reordered, "reordered-events"),
        (Self::Away, "api-server-away"),
        (Self::Held, "held"),
        (Self::Frozen, "frozen"),
    ];

    /// Whether it takes the real program, and not its controllers within this process.
    pub fn takes_the_program(self) -> bool {
        Self::KILLS.contains(&self) || self.takes_two()
    }

    /// Whether it takes two programs, of which one leads.
    pub fn takes_two(self) -> bool {
        matches!(self, Self::Held | Self::Frozen)
    }

    /// How many calls of the operation in a row are struck. The SDK makes each of its calls twice where
    /// the error may pass: one failure alone never reaches the controller, so that two are the least.
    pub fn times(self) -> u32 {
        match self {
            Self::Hang | Self::Truncated | Self::ErrorAfter => 2,
            Self::Denied => 3,
            Self::Throttled | Self::ErrorBefore => 4,
            _ => 1,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::NAMES.iter().find(|(fault, _)| fault == self);
        f.write_str(found.map_or("", |(_, name)| name))
    }
}

/// One experiment: a workload, a call of it, and what happens to that call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    /// The workload's name, such as `S3Bucket/create`.
    pub workload: String,
    /// The call by door, operation, object and number, such as `aws:ec2.CreateVpc#1`.
    pub site: String,
    /// What happens to it.
    pub fault: Fault,
    /// The number of the write after it, to whatever and by whichever controller, after which the
    /// controller dies once more.
    pub again: Option<u32>,
}

impl Plan {
    /// Whether another plan may strike in another step of the same run: single calls, under one configuration.
    pub fn goes_with(&self, other: &Self) -> bool {
        let is_single = |plan: &Self| {
            let fault = &plan.fault;
            plan.again.is_none() && (Fault::AT_WRITES.contains(fault) || Fault::AT_AWS_CALLS.contains(fault))
        };
        is_single(self) && is_single(other) && (self.fault == Fault::Hang) == (other.fault == Fault::Hang)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.workload, self.site, self.fault)?;
        self.again.map_or(Ok(()), |number| write!(f, "+{number}"))
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [workload, site, fault] = words[..] else {
            return Err(format!("{text}: a plan reads WORKLOAD SITE FAULT"));
        };
        let (fault, again) = match fault.split_once('+') {
            Some((fault, number)) => (fault, Some(number.parse().map_err(|_| format!("{number} is no number"))?)),
            None => (fault, None),
        };
        let known = Fault::NAMES.iter().find(|(_, name)| *name == fault);
        let (fault, _) = known.ok_or_else(|| format!("{fault}: there is no such fault"))?;
        Ok(Self { workload: workload.into(), site: site.into(), fault: *fault, again })
    }
}

#[test]
fn a_plan_reads_as_it_is_written() {
    for (fault, _) in Fault::NAMES {
        for again in [None, Some(2)] {
            let plan = Plan { workload: "S3Bucket/create".into(), site: "aws:s3.PUT#1".into(), fault, again };
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
    }
}
