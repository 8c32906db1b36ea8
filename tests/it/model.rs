//! The production `decide` in a model of the API server, AWS and one or two controllers: every state
//! within the bounds is visited. What is abstracted stands in `docs/reliability.md`.

mod look;
mod properties;
mod state;
mod steps;
mod world;

use properties::{AGAIN, LEAK, MISSED, ONE, REACHED, World};
use state::{Bounds, Shape};
use stateright::{Checker, HasDiscoveries, Model};
use std::collections::BTreeSet;
use std::time::Instant;

/// Set to explore more than fits `make test`: minutes instead of seconds.
const LARGE: &str = "CCAGI_MODEL_LARGE";

/// One controller and nobody who meddles; walks begin with any state that the object ever had.
fn bounds(shape: Shape) -> Bounds {
    let lag = if shape == Shape::Name { 0 } else { 1 };
    Bounds {
        shape,
        lag,
        window: lag,
        controllers: 1,
        fenced: true,
        stale: true,
        edits: 0,
        removals: 0,
        drifts: 0,
        recreations: 0,
        adoptable: false,
    }
}

fn is_large() -> bool {
    std::env::var_os(LARGE).is_some()
}

/// Visits states until `until`, prints how many there are and how long it took, and returns which
/// properties have an example or, where they must always hold, a counterexample.
fn explore(name: &str, bounds: Bounds, until: HasDiscoveries) -> Vec<(&'static str, String)> {
    let start = Instant::now();
    let checker = World::new(bounds).checker().threads(2).finish_when(until).spawn_bfs().join();
    println!(
        "model: {name}: {} states, {} steps, depth {}, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f64()
    );
    checker
        .discoveries()
        .into_iter()
        .map(|(property, path)| {
            let steps: Vec<String> = path.into_actions().iter().map(|step| format!("{step:?}")).collect();
            (property, steps.join("\n  "))
        })
        .collect()
}

/// All properties hold in every state, and what must be reachable, but for `unreachable`, is.
fn holds(name: &str, bounds: Bounds, unreachable: &[&str]) {
    let found = explore(name, bounds, HasDiscoveries::AnyFailures);
    for (property, path) in &found {
        assert!(REACHED.contains(property), "{name}: not {property:?}, after\n  {path}");
    }
    let reached: BTreeSet<&str> = found.into_iter().map(|(property, _)| property).collect();
    let missing: Vec<_> = REACHED.iter().filter(|one| !reached.contains(*one) && !unreachable.contains(one)).collect();
    assert!(missing.is_empty(), "{name}: never reached: {missing:?}");
}

/// Where an assumption of the protocol does not hold, neither does `property`: the model can fail.
fn fails(name: &str, bounds: Bounds, property: &'static str) {
    let found = explore(name, bounds, HasDiscoveries::AnyOf([property].into()));
    assert!(found.iter().any(|(failed, _)| *failed == property), "{name}: {property:?} holds");
}

#[test]
fn a_kind_with_a_token_holds() {
    let token = bounds(Shape::Token);
    holds("token, stale cache", token, &[AGAIN]);
    holds("token, removed by others", Bounds { removals: 1, stale: false, ..token }, &[]);
    if is_large() {
        let meddled = Bounds { edits: 1, removals: 1, drifts: 1, stale: false, ..token };
        holds("token, edited, removed or changed by others", meddled, &[]);
        holds("token, edited, stale cache", Bounds { edits: 1, ..token }, &[AGAIN]);
        holds("token, removed by others, stale cache", Bounds { removals: 1, ..token }, &[]);
    }
}

#[test]
fn a_kind_with_a_name_holds() {
    let name = bounds(Shape::Name);
    let meddled = Bounds { edits: 1, removals: 1, ..name };
    holds("name, edited, removed or taken by others, stale cache", meddled, &[MISSED]);
    let taken_over = Bounds { adoptable: true, removals: 1, ..name };
    holds("name, taken over, removed by others, stale cache", taken_over, &[MISSED]);
    holds("name, declared again, stale cache", Bounds { recreations: 1, ..name }, &[AGAIN, MISSED]);
    let two = Bounds { controllers: 2, stale: false, ..name };
    holds("name, two controllers", two, &[AGAIN, MISSED]);
    if is_large() {
        let declared_again = Bounds { drifts: 1, recreations: 1, ..meddled };
        holds("name, all of it, stale cache", declared_again, &[MISSED]);
        holds("name, two controllers, removed by others", Bounds { removals: 1, ..two }, &[MISSED]);
    }
}

#[test]
fn a_kind_with_neither_holds() {
    let neither = bounds(Shape::Neither);
    holds("neither, stale cache", neither, &[AGAIN]);
    holds("neither, removed by others, stale cache", Bounds { removals: 1, ..neither }, &[]);
    let edited = Bounds { edits: 1, removals: 1, drifts: 1, stale: false, ..neither };
    holds("neither, edited, removed or changed by others", edited, &[]);
    holds("neither, a lag of two ticks, stale cache", Bounds { lag: 2, window: 2, ..neither }, &[AGAIN]);
    if is_large() {
        holds("neither, edited, stale cache", Bounds { edits: 1, ..neither }, &[AGAIN]);
    }
}

#[test]
fn without_what_the_protocol_assumes_the_model_finds_what_goes_wrong() {
    let neither = bounds(Shape::Neither);
    fails("neither, invisible for longer than the lag", Bounds { window: 2, ..neither }, ONE);
    let unfenced = Bounds { controllers: 2, fenced: false, stale: false, ..neither };
    fails("neither, two controllers without a lease", unfenced, ONE);
    fails(
        "name, a create call that takes effect after its answer was lost",
        Bounds { window: 1, ..bounds(Shape::Name) },
        LEAK,
    );
}
