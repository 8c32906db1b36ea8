//! What may happen next: the steps of the controllers, and what everybody else does.

use super::look::{Look, can_miss, is_blind, look};
use super::state::{Bounds, Copied, Id, NAME, Owner, Phase, Resource, Shape, State, Todo, Walk};
use super::steps::{Answer, act};

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A controller begins a walk with what its cache has.
    Begin(usize),
    Look(usize, Look),
    Act(usize, Answer),
    /// A controller's watch brings the object as it is now.
    Deliver(usize),
    /// A controller dies and starts again.
    Crash(usize),
    /// A reconcile takes too long and is cut off.
    CutOff(usize),
    /// The lease goes to the other controller.
    HandOver,
    Tick,
    /// The user's.
    Edit,
    Delete,
    Recreate,
    /// Somebody else's.
    Remove(Id),
    Drift(Id),
    TakeName,
    /// AWS no longer shows what is gone.
    Forget(Id),
    /// AWS no longer knows the token it was made with.
    Expire(Id),
}

/// Everything that may happen in `state`.
pub fn possible(bounds: &Bounds, state: &State, steps: &mut Vec<Step>) {
    for c in 0..bounds.controllers {
        of_controller(bounds, state, c, steps);
    }
    if bounds.fenced && bounds.controllers > 1 {
        steps.push(Step::HandOver);
    }
    let longest = |walk: &Walk| matches!(walk.todo, Todo::Look(since) if since >= bounds.longest_pass());
    if !state.controllers.iter().any(|one| one.walk.as_ref().is_some_and(longest)) {
        steps.push(Step::Tick);
    }
    match &state.live {
        Some(object) => {
            if state.edits < bounds.edits && !object.deleting {
                steps.push(Step::Edit);
            }
            if !object.deleting {
                steps.push(Step::Delete);
            }
        }
        None if state.recreations < bounds.recreations => steps.push(Step::Recreate),
        None => {}
    }
    of_others(bounds, state, steps);
}

/// The object that a walk of controller `c` would begin with.
pub fn known(bounds: &Bounds, state: &State, c: usize) -> Option<Copied> {
    if bounds.stale { state.controllers[c].cache } else { state.read() }
}

fn of_controller(bounds: &Bounds, state: &State, c: usize, steps: &mut Vec<Step>) {
    let controller = &state.controllers[c];
    if bounds.stale && controller.cache != state.read() {
        steps.push(Step::Deliver(c));
    }
    steps.push(Step::Crash(c));
    let Some(walk) = &controller.walk else {
        if known(bounds, state, c).is_some() && (!bounds.fenced || state.leader == c) {
            steps.push(Step::Begin(c));
        }
        return;
    };
    steps.push(Step::CutOff(c));
    if !matches!(walk.todo, Todo::Look(_)) {
        steps.extend([Answer::Given, Answer::LostAfter, Answer::LostBefore].map(|answer| Step::Act(c, answer)));
        return;
    }
    steps.push(Step::Look(c, Look::True));
    if !is_blind(bounds, walk) {
        steps.push(Step::Look(c, Look::Failed));
        if can_miss(bounds, state, &walk.copy) {
            steps.push(Step::Look(c, Look::Missing));
        }
    }
}

fn of_others(bounds: &Bounds, state: &State, steps: &mut Vec<Step>) {
    for one in &state.resources {
        if one.token_known {
            steps.push(Step::Expire(one.id));
        }
        match one.phase {
            Phase::Live if matches!(one.owner, Owner::Object(_)) => {
                steps.extend((state.removals < bounds.removals).then_some(Step::Remove(one.id)));
                steps.extend((state.drifts < bounds.drifts).then_some(Step::Drift(one.id)));
            }
            Phase::Terminated => steps.push(Step::Forget(one.id)),
            Phase::Live | Phase::Forgotten => {}
        }
    }
    if bounds.shape == Shape::Name && state.resources.is_empty() && state.removals < bounds.removals {
        steps.push(Step::TakeName);
    }
}

/// What `state` becomes by `step`.
pub fn next(bounds: &Bounds, state: &State, step: Step) -> Option<State> {
    let mut next = state.clone();
    match step {
        Step::Begin(c) => {
            let copy = known(bounds, &next, c)?;
            next.controllers[c].walk =
                Some(Walk { copy, fresh: false, current: false, fenced_off: false, todo: Todo::Look(0) });
        }
        Step::Look(c, outcome) => {
            let todo = look(bounds, &mut next, c, outcome)?;
            next.controllers[c].walk.as_mut()?.todo = todo;
        }
        Step::Act(c, answer) => act(bounds, &mut next, c, answer)?,
        Step::Deliver(c) => next.controllers[c].cache = next.read(),
        Step::Crash(c) => next.restart(bounds, c),
        Step::CutOff(c) => next.controllers[c].walk = None,
        Step::HandOver => hand_over(bounds, &mut next),
        Step::Tick => tick(bounds, &mut next),
        Step::Edit | Step::Delete => {
            let mut object = next.live?;
            if step == Step::Edit {
                object.settings += 1;
                next.edits += 1;
            } else {
                object.deleting = true;
            }
            // Without a finalizer the API server removes it at once.
            next.store(Some(object).filter(|object| !object.deleting || object.finalizer));
        }
        Step::Recreate => {
            next.recreations += 1;
            let fresh = State::first(bounds).live?;
            next.store(Some(super::state::Object { uid: 1 + next.recreations, ..fresh }));
        }
        Step::Remove(_) | Step::Drift(_) | Step::TakeName | Step::Forget(_) | Step::Expire(_) => {
            meddle(bounds, &mut next, step)?
        }
    }
    Some(next)
}

/// The old leader's walk may go on reading, and writing to the API server; whatever it remembers is
/// lost with its process before it can lead again.
fn hand_over(bounds: &Bounds, state: &mut State) {
    if let Some(walk) = &mut state.controllers[state.leader].walk {
        walk.fenced_off = true;
    }
    state.leader = 1 - state.leader;
    if state.controllers[state.leader].walk.is_none_or(|walk| !walk.fenced_off) {
        state.restart(bounds, state.leader);
    } else {
        state.controllers[state.leader].absence = None;
    }
}

fn tick(bounds: &Bounds, state: &mut State) {
    let aged = |age: u8, limit: u8| (age + 1).min(limit);
    for controller in &mut state.controllers {
        if let Some(absence) = &mut controller.absence {
            absence.age = aged(absence.age, bounds.lag + bounds.longest_pass());
        }
        if let Some(Walk { todo: Todo::Look(since), .. }) = &mut controller.walk {
            *since = aged(*since, bounds.longest_pass());
        }
    }
    for one in &mut state.resources {
        one.missed = one.missed.map(|age| aged(age, bounds.window));
    }
}

fn meddle(bounds: &Bounds, state: &mut State, step: Step) -> Option<()> {
    match step {
        Step::Remove(id) => state.resource(id)?.phase = Phase::Terminated,
        Step::Drift(id) => state.resource(id)?.settings = u8::MAX,
        Step::Forget(id) => state.resource(id)?.phase = Phase::Forgotten,
        Step::Expire(id) => state.resources.iter_mut().find(|one| one.id == id)?.token_known = false,
        _ => state.resources.push(Resource {
            id: NAME,
            owner: Owner::Somebody,
            token: (0, 0),
            request: 0,
            token_known: false,
            settings: 0,
            phase: Phase::Live,
            missed: None,
        }),
    }
    state.removals += u8::from(matches!(step, Step::Remove(_) | Step::TakeName));
    state.drifts += u8::from(matches!(step, Step::Drift(_)));
    state.forget(bounds.shape);
    Some(())
}
