//! Every write of every workload is a place to crash, to lose the answer or to be lied to; after each the
//! world must come out the same as in the run without faults.
//!
//! `docs/reliability.md` says how to read and replay it. Faults enter at two doors, around the AWS HTTP
//! client and around the kube client; the product between them is the product.

mod aws_door;
mod calls;
mod campaign;
mod controller;
mod doors;
mod families;
mod ground;
mod invariants;
mod inventory;
mod kubernetes_door;
mod logs;
mod plan;
mod program;
mod proxies;
mod report;
mod rivals;
mod run;
mod steps;
mod tenants;
mod trips;
mod watched;
mod watches;
mod words;
mod workers;
pub mod workloads;

use campaign::{Recorded, Verdict, record};
use families::{FAMILIES, failed};
use futures::StreamExt;
use ground::Ground;
use plan::{Fault, Plan};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use std::time::Instant;
use workloads::Workload;

/// The seed of the sample that `make test` takes.
const SEED: u64 = 5;

/// How many plans of the other kinds it takes.
const SAMPLE: usize = 24;

/// How many plans it takes of each sort beyond single calls.
const FEW: usize = 4;

/// Plans carried out side by side where `FAULTS_LANES` does not say.
const LANES: usize = 8;

fn setting<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// The words of a variable; none where it is not set.
fn list(name: &str) -> Vec<String> {
    let text: String = setting(name, String::new());
    text.split_whitespace().map(str::to_owned).collect()
}

async fn record_all(ground: &Ground, of: impl Fn(&Workload) -> bool, lanes: usize) -> Vec<Recorded> {
    let wanted = workloads::all().into_iter().filter(of);
    futures::stream::iter(wanted.map(|workload| record(ground, workload))).buffered(lanes).collect().await
}

/// All plans, or the one of `FAULT`. `FAULTS_ONLY` has the beginnings of the wanted workloads and
/// `FAULTS_WITH` those of the wanted faults; of what is left at most `FAULTS_SAMPLE` plans are carried out,
/// drawn by `FAULTS_SEED`, and of the sorts beyond single calls as many as their variables say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes up to an hour: run it with `make faults`"]
async fn every_call_of_every_workload_fails_in_every_way_and_the_end_is_the_same() {
    let (lanes, seed) = (setting("FAULTS_LANES", LANES), setting("FAULTS_SEED", SEED));
    let ground = Ground::lay(2).await;
    let begin = Instant::now();
    if let Ok(text) = std::env::var("FAULT") {
        return replay(&ground, &text).await;
    }
    let is_one_of = |name: &str, text: &str| {
        let wanted = list(name);
        wanted.is_empty() || wanted.iter().any(|start| text.starts_with(start))
    };
    let recorded = record_all(&ground, |workload| is_one_of("FAULTS_ONLY", &workload.name), lanes).await;
    let mut plans: Vec<Plan> = recorded.iter().flat_map(Recorded::plans).collect();
    plans.retain(|plan| is_one_of("FAULTS_WITH", &plan.fault.to_string()));
    plans.shuffle(&mut StdRng::seed_from_u64(seed));
    eprintln!("{} plans for {} workloads", plans.len(), recorded.len());
    plans.truncate(setting("FAULTS_SAMPLE", usize::MAX));
    let rows = campaign::carry_out(&ground, &recorded, plans, lanes).await;
    let mut table = report::table(&rows, begin.elapsed(), lanes, seed);
    let mut families = Vec::new();
    for family in &FAMILIES {
        families.push(family.carry_out(&ground, &recorded, lanes, seed).await);
    }
    table += &report::families(&families);
    eprintln!("{table}");
    let document: String = setting("FAULTS_REPORT", String::new());
    if !document.is_empty() {
        report::write_into(std::path::Path::new(&document), &table);
        let uncovered: Vec<_> = rows.iter().filter(|row| !row.is_covered()).collect();
        assert!(uncovered.is_empty(), "writes that were not struck in all three ways: {uncovered:#?}");
    }
    let missed: Vec<String> = rows.iter().flat_map(|row| &row.missed).map(Plan::to_string).collect();
    eprintln!("not met: {missed:#?}");
    let failed = failed(rows.iter().chain(families.iter().flat_map(|family| &family.rows)));
    assert!(failed.is_empty(), "{} plans failed: {failed:#?}", failed.len());
}

/// Carries out the plan of this text, or those that were carried out in one run.
async fn replay(ground: &Ground, text: &str) {
    let plans: Vec<Plan> = text.split(" & ").map(|plan| plan.parse().unwrap()).collect();
    let is_wanted = |workload: &Workload| plans.iter().any(|plan| plan.workload == workload.name);
    let recorded = record_all(ground, is_wanted, plans.len()).await;
    let unknown: Vec<_> =
        plans.iter().filter(|plan| !recorded.iter().any(|one| one.workload.name == plan.workload)).collect();
    assert!(unknown.is_empty(), "there is no such workload: {unknown:?}");
    for trip in trips::of(&recorded, plans) {
        for (plan, verdict) in trip.carry_out(ground).await {
            assert_eq!(verdict, Verdict::Passed, "{plan}");
        }
    }
}

/// Every crash and lost answer at every write of a kind with a token and of one that is named by its
/// users, and a sample of all else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_of_two_kinds_and_a_sample_of_all_others_may_fail() {
    let ground = Ground::lay(2).await;
    let lanes = setting("FAULTS_LANES", LANES);
    let recorded = record_all(&ground, |workload| workload.is_plain(), lanes).await;
    let whole = |plan: &Plan| {
        let kind = plan.workload.split('/').next().unwrap_or_default();
        ["Ec2Instance", "S3Bucket"].contains(&kind) && Fault::AT_WRITES.contains(&plan.fault)
    };
    let all = recorded.iter().flat_map(Recorded::plans);
    let (mut plans, mut others): (Vec<Plan>, Vec<Plan>) = all.partition(whole);
    others.shuffle(&mut StdRng::seed_from_u64(SEED));
    plans.extend(others.into_iter().take(SAMPLE));
    let rows = campaign::carry_out(&ground, &recorded, plans, lanes).await;
    let failed = failed(&rows);
    assert!(failed.is_empty(), "failed: {failed:#?}; replay one with FAULT='…' make faults");
    let uncovered = rows.iter().filter(|row| row.is_of(&["Ec2Instance", "S3Bucket"]) && !row.is_covered());
    let uncovered: Vec<_> = uncovered.collect();
    assert!(uncovered.is_empty(), "writes that were not struck in all three ways: {uncovered:#?}");
}

/// Kills of the real program, watches that do not bring what happens, two programs with one lease, and
/// what fails for an account, for a database with a Secret and between two tenants: a sample of each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_of_what_goes_wrong_beyond_single_calls_ends_the_same() {
    const WORKLOADS: [&str; 6] = [
        "S3Bucket/create",
        "S3Bucket/recreate",
        "Ec2Instance/create",
        "AwsAccount/create",
        "RdsInstance/secret",
        "tenants/create",
    ];
    let ground = Ground::lay(2).await;
    let lanes = setting("FAULTS_LANES", LANES);
    let recorded = record_all(&ground, |workload| WORKLOADS.contains(&workload.name.as_str()), lanes).await;
    assert_eq!(recorded.len(), WORKLOADS.len());
    let mut plans: Vec<Plan> = FAMILIES.iter().flat_map(|family| family.draw(&recorded, FEW, SEED).0).collect();
    for workload in recorded.iter().filter(|recorded| !recorded.workload.is_plain()) {
        let mut own = workload.plans();
        own.shuffle(&mut StdRng::seed_from_u64(SEED));
        plans.extend(own.into_iter().take(FEW));
    }
    let rows = campaign::carry_out(&ground, &recorded, plans, lanes).await;
    let failed = failed(&rows);
    assert!(failed.is_empty(), "failed: {failed:#?}; replay one with FAULT='…' make faults");
}
