//! The writes of a walk, one call at a time, as `lifecycle/apply.rs` makes them.

use super::state::{
    Bounds, Copied, Foul, Id, IntentNote, NAME, Object, Owner, Phase, Resource, Shape, State, Status, Todo, Walk,
};

/// How a call turns out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It has its effect, if it may, and is answered.
    Given,
    /// It has its effect and the answer is lost.
    LostAfter,
    /// It has none: denied, throttled or lost on the way.
    LostBefore,
}

/// What becomes of the walk after a call.
enum After {
    Next(Todo),
    /// Another pass with the object as it is now known.
    Again,
    /// Nothing until it is woken.
    Rest,
    /// The object has changed; it is read anew.
    Stale,
    /// The failure is told, if it can be.
    Failed,
}

/// Makes the next call of the walk of controller `c`.
pub fn act(bounds: &Bounds, state: &mut State, c: usize, answer: Answer) -> Option<()> {
    let mut walk = state.controllers[c].walk?;
    let after = match walk.todo {
        Todo::Look(_) => return None,
        todo if walk.fenced_off && needs_the_lease(todo) => After::Rest,
        Todo::Create => create(bounds, state, c, &mut walk, answer),
        Todo::Retag(id) | Todo::Update(id) | Todo::Delete(id) => change(bounds, state, &walk, id, answer),
        Todo::Reread | Todo::ConfirmDelete(_) => confirm(state, &mut walk, answer),
        _ => write(state, c, &mut walk, answer),
    };
    state.controllers[c].walk = match after {
        After::Next(todo) => Some(Walk { todo, ..walk }),
        After::Again => Some(Walk { todo: Todo::Look(0), ..walk }),
        After::Rest => None,
        After::Failed => Some(Walk { todo: Todo::Fail, ..walk }),
        After::Stale => state.read().filter(|read| read.object.uid == walk.copy.object.uid).map(|copy| Walk {
            copy,
            fresh: false,
            current: true,
            todo: Todo::Look(0),
            ..walk
        }),
    };
    Some(())
}

/// Whether only the leader may do it: a write to AWS, and letting go of what another may be making.
fn needs_the_lease(todo: Todo) -> bool {
    matches!(todo, Todo::Create | Todo::Retag(_) | Todo::Update(_) | Todo::Delete(_) | Todo::Release)
}

/// A write to the API server: by compare-and-swap, and none where nothing would change.
fn write(state: &mut State, c: usize, walk: &mut Walk, answer: Answer) -> After {
    let telling = walk.todo == Todo::Fail;
    let failed = if telling { After::Rest } else { After::Failed };
    let before = walk.copy.object;
    let after = written(walk);
    if after != Some(before) {
        if answer == Answer::LostBefore {
            return failed;
        }
        if !walk.copy.current {
            // A failure that cannot be told is told by the next pass.
            return if telling { After::Rest } else { After::Stale };
        }
        if walk.todo == Todo::Release && state.own(before.uid).next().is_some() {
            state.foul.get_or_insert(Foul::EarlyRelease);
        }
        state.store(after);
        if answer == Answer::LostAfter {
            walk.copy.current = false;
            return failed;
        }
        if let Some(object) = after {
            walk.copy = Copied { object, current: true };
        }
    }
    match walk.todo {
        Todo::Finalizer(life) => After::Next(Todo::Intent(life)),
        Todo::Intent(life) => {
            walk.fresh = before.status.intent.is_none_or(|intent| intent.life != life);
            walk.current = true;
            After::Again
        }
        Todo::Record(_) => After::Again,
        Todo::Adopt(id) => After::Next(Todo::Retag(id)),
        Todo::Release => {
            state.controllers[c].absence = None;
            After::Rest
        }
        _ => After::Rest,
    }
}

/// The object as the walk's write would leave it; `None` where the API server would remove it.
fn written(walk: &Walk) -> Option<Object> {
    let Object { settings, status, .. } = walk.copy.object;
    let tells = |told| Status { told, observed: settings, ..status };
    let status = match walk.todo {
        Todo::Finalizer(_) => return Some(Object { finalizer: true, ..walk.copy.object }),
        Todo::Release => return None,
        Todo::Intent(life) => {
            let begins = status.intent.is_none_or(|intent| intent.life != life);
            let id = status.id.filter(|_| !begins);
            Status { intent: Some(IntentNote { life, settings }), id, ..tells("WriteIntent") }
        }
        Todo::Record(id) => Status { id: Some(id), ..tells("Record") },
        Todo::Adopt(_) => tells("Adopting"),
        Todo::Report(told, id) => Status { id: id.or(status.id), ..tells(told) },
        _ => tells("Failed"),
    };
    Some(Object { status, ..walk.copy.object })
}

/// Reads the object live: before a deletion, and before anything becomes ours.
fn confirm(state: &State, walk: &mut Walk, answer: Answer) -> After {
    if answer != Answer::Given {
        return After::Failed;
    }
    let Some(read) = state.read().filter(|read| read.object.uid == walk.copy.object.uid) else { return After::Stale };
    match walk.todo {
        Todo::ConfirmDelete(id) if read.object.deleting => {
            let changed = read.object.settings != walk.copy.object.settings;
            walk.copy = read;
            if changed { After::Again } else { After::Next(Todo::Delete(id)) }
        }
        _ => After::Stale,
    }
}

/// The create call. AWS answers a known token with what was made for it, and refuses a name that is taken.
fn create(bounds: &Bounds, state: &mut State, c: usize, walk: &mut Walk, answer: Answer) -> After {
    let object = walk.copy.object;
    let Some(intent) = object.status.intent else { return After::Stale };
    walk.fresh = false;
    state.controllers[c].absence = None;
    if answer == Answer::LostBefore {
        return After::Failed;
    }
    let token = (object.uid, intent.life);
    let known = |one: &&Resource| one.token == token && one.token_known;
    let made = match bounds.shape {
        Shape::Token => state.resources.iter().find(known).cloned(),
        Shape::Name if state.resources.iter().any(|one| one.id == NAME && one.phase == Phase::Live) => {
            return After::Failed;
        }
        Shape::Name | Shape::Neither => None,
    };
    let (id, lives) = match made {
        Some(made) if made.request != object.settings => return After::Failed,
        Some(made) => (made.id, made.phase == Phase::Live),
        None => (make(bounds, state, &object, token), true),
    };
    match (answer, lives) {
        (Answer::Given, false) => After::Next(Todo::Intent(intent.life + 1)),
        (Answer::Given, true) if bounds.shape == Shape::Name => After::Again,
        (Answer::Given, true) => After::Next(Todo::Record(id)),
        _ => After::Failed,
    }
}

fn make(bounds: &Bounds, state: &mut State, object: &Object, token: (u8, u8)) -> Id {
    let copy = state.resources.iter().filter(|one| one.token == token).count();
    let own = Id { uid: token.0, life: token.1, copy: u8::try_from(copy).unwrap() };
    let id = if bounds.shape == Shape::Name { NAME } else { own };
    state.was_made = true;
    state.resources.push(Resource {
        id,
        owner: Owner::Object(object.uid),
        token,
        request: if bounds.shape == Shape::Token { object.settings } else { 0 },
        token_known: bounds.shape == Shape::Token,
        settings: object.settings,
        phase: Phase::Live,
        missed: None,
    });
    id
}

/// A write to a resource that was seen a moment ago.
fn change(bounds: &Bounds, state: &mut State, walk: &Walk, id: Id, answer: Answer) -> After {
    if answer == Answer::LostBefore {
        return After::Failed;
    }
    let object = walk.copy.object;
    if let Some(one) = state.resource(id).filter(|one| one.phase == Phase::Live) {
        let permitted = match one.owner {
            Owner::Object(uid) => uid == object.uid,
            Owner::Nobody => bounds.adoptable && matches!(walk.todo, Todo::Retag(_)),
            Owner::Somebody => false,
        };
        match walk.todo {
            Todo::Retag(_) => one.owner = Owner::Object(object.uid),
            Todo::Update(_) => one.settings = object.settings,
            _ => one.phase = Phase::Terminated,
        }
        if !permitted {
            state.foul.get_or_insert(Foul::ForeignWrite);
        }
    }
    state.forget(bounds.shape);
    match (answer, walk.todo) {
        (Answer::LostAfter, _) => After::Failed,
        // After an update a walk ends where the kind lags; where it does not, it may as well.
        (_, Todo::Update(_)) => After::Rest,
        _ => After::Again,
    }
}
