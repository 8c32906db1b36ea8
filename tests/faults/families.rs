//! What goes wrong beyond single calls: the same process dying twice, the real program killed, watches
//! that do not bring what happens, an API server that is away, and two programs with one lease.

use super::campaign::{Recorded, carry_out};
use super::ground::Ground;
use super::plan::Plan;
use super::report::{FamilyRow, Row};
use super::setting;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};

/// One sort of plans.
pub struct Family {
    title: &'static str,
    /// The variable that says how many of them are carried out.
    setting: &'static str,
    plans: fn(&Recorded) -> Vec<Plan>,
    /// How many of them `make faults` carries out where it is not told.
    draws: usize,
}

/// All of them.
pub const FAMILIES: [Family; 4] = [
    Family { title: "killed again during the recovery", setting: "FAULTS_PAIRS", plans: Recorded::pairs, draws: 150 },
    Family { title: "the program killed by SIGKILL", setting: "FAULTS_KILLS", plans: Recorded::kills, draws: 24 },
    Family {
        title: "watches late, repeated, in disorder, broken; API server away",
        setting: "FAULTS_SPELLS",
        plans: Recorded::spells,
        draws: 150,
    },
    Family {
        title: "a leader held up while another takes over",
        setting: "FAULTS_RIVALS",
        plans: Recorded::rivals,
        draws: 40,
    },
];

impl Family {
    /// Carries out as many of its plans as are wanted, drawn by the seed.
    pub async fn carry_out(&self, ground: &Ground, recorded: &[Recorded], lanes: usize, seed: u64) -> FamilyRow {
        let narrowed =
            ["FAULTS_ONLY", "FAULTS_WITH", "FAULTS_SAMPLE"].iter().any(|name| std::env::var_os(name).is_some());
        let wanted = setting(self.setting, if narrowed { 0 } else { self.draws });
        let (plans, all) = self.draw(recorded, wanted, seed);
        FamilyRow { title: self.title, all, rows: carry_out(ground, recorded, plans, lanes).await }
    }

    /// At most this many plans, drawn by the seed, and how many there are.
    pub fn draw(&self, recorded: &[Recorded], wanted: usize, seed: u64) -> (Vec<Plan>, usize) {
        let mut plans: Vec<Plan> = recorded.iter().flat_map(self.plans).collect();
        let all = plans.len();
        plans.shuffle(&mut StdRng::seed_from_u64(seed));
        plans.truncate(wanted);
        (plans, all)
    }
}

/// The plans of rows that have failed, in words.
pub fn failed<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<String> {
    rows.into_iter().flat_map(|row| &row.failed).map(Plan::to_string).collect()
}
