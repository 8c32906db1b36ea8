//! The world of the model: an API server with one object, AWS, and one or two controllers.
//!
//! All times are ages in ticks, cut off where they no longer make a difference, so that the world is
//! finite although crashes, lost answers and errors may happen any number of times.

/// An age in ticks.
pub type Age = u8;

/// What a kind has to find the outcome of a lost create call by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// An idempotency token, like an Ec2Instance.
    Token,
    /// The name its user gave it, like an S3Bucket.
    Name,
    /// Only the tags of its owner, like a VpcNetwork.
    Neither,
}

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub shape: Shape,
    /// The configured visibility lag; zero for kinds that do not lag.
    pub lag: Age,
    /// For how long looks may miss a resource that is there, from the first that does: the assumption
    /// of the protocol is that it is not longer than `lag`.
    pub window: Age,
    pub controllers: usize,
    /// Whether only the holder of a lease writes to AWS or lets an object go.
    pub fenced: bool,
    /// Whether a walk may begin with an object as it was any number of writes ago.
    pub stale: bool,
    /// How often the user edits the spec.
    pub edits: u8,
    /// How often somebody else removes the resource, or takes its name.
    pub removals: u8,
    /// How often somebody else changes the resource.
    pub drifts: u8,
    /// How often the user declares an object of the same name again after the old one is gone.
    pub recreations: u8,
    /// Whether AWS has a resource of the declared name that nobody owns, and the manifest permits to
    /// take it over.
    pub adoptable: bool,
}

impl Bounds {
    /// For how long a pass may take from its start to its look.
    pub fn longest_pass(&self) -> Age {
        self.lag
    }
}

/// A resource's id. All lives of a resource that is named by its user have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    pub uid: u8,
    pub life: u8,
    /// Which of the resources made for this life it is; there should be one.
    pub copy: u8,
}

/// The id that follows from the spec.
pub const NAME: Id = Id { uid: 0, life: 0, copy: 0 };

/// Whose a resource is by its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The object with this UID.
    Object(u8),
    Somebody,
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Live,
    /// It is gone and AWS still shows it as gone.
    Terminated,
    /// AWS no longer shows it and still knows its token.
    Forgotten,
}

/// A resource in AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    pub id: Id,
    pub owner: Owner,
    /// The UID and the life that its token was made from.
    pub token: (u8, u8),
    /// What the request with that token was made from.
    pub request: u8,
    /// Whether AWS still knows that token; it may forget it at any time.
    pub token_known: bool,
    pub settings: u8,
    pub phase: Phase,
    /// How long ago a look first missed it.
    pub missed: Option<Age>,
}

impl Resource {
    /// Whether AWS shows it or knows its token.
    pub fn leaves_a_trace(&self) -> bool {
        self.phase != Phase::Forgotten || self.token_known
    }
}

/// The write-ahead record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntentNote {
    pub life: u8,
    /// What the request is made from.
    pub settings: u8,
}

/// An object's status, as far as the protocol reads it or a write of it can change nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status {
    pub intent: Option<IntentNote>,
    pub id: Option<Id>,
    /// The reason in the conditions, or the last action where that tells more.
    pub told: &'static str,
    /// The generation that was seen; the model's edits count up the settings.
    pub observed: u8,
}

/// The object as the API server has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    pub uid: u8,
    pub finalizer: bool,
    pub deleting: bool,
    pub settings: u8,
    pub status: Status,
}

/// The object as it was read once. Whether nothing was written since is all that a resource version
/// tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Copied {
    pub object: Object,
    pub current: bool,
}

/// What a controller remembers between passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Absence {
    pub of: (u8, Option<u8>, Option<Id>),
    pub age: Age,
}

/// The next thing a walk does. Each is one call, and before each the process can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Todo {
    /// Look at AWS and decide; the pass began so long ago.
    Look(Age),
    /// Put the finalizer on, then write the intent of this life.
    Finalizer(u8),
    Intent(u8),
    /// Read the object live and look again.
    Reread,
    Create,
    Record(Id),
    /// Say what adoption changes, then write the owner's tags.
    Adopt(Id),
    Retag(Id),
    Update(Id),
    /// Read the object live, then delete.
    ConfirmDelete(Id),
    Delete(Id),
    /// Write a status that tells this, with the id where the resource is ours.
    Report(&'static str, Option<Id>),
    /// Say that a call failed.
    Fail,
    Release,
}

/// One reconcile under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Walk {
    pub copy: Copied,
    /// Whether this walk began the present life.
    pub fresh: bool,
    /// Whether it has read the object from the API server itself or written its intent.
    pub current: bool,
    /// Whether the lease was lost since it began.
    pub fenced_off: bool,
    pub todo: Todo,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Controller {
    /// What its watch has brought it; `None` where there is no object, or where walks begin with what
    /// the API server has.
    pub cache: Option<Copied>,
    pub absence: Option<Absence>,
    pub walk: Option<Walk>,
}

/// What must never be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Foul {
    /// A write to a resource of somebody else, or of nobody without consent.
    ForeignWrite,
    /// The finalizer went while the object's resource was there.
    EarlyRelease,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The object, while there is one.
    pub live: Option<Object>,
    pub resources: Vec<Resource>,
    pub controllers: Vec<Controller>,
    pub leader: usize,
    pub edits: u8,
    pub removals: u8,
    pub drifts: u8,
    pub recreations: u8,
    pub foul: Option<Foul>,
    /// Whether a resource was ever made.
    pub was_made: bool,
}

impl State {
    /// The object was declared and nothing else has happened.
    pub fn first(bounds: &Bounds) -> Self {
        let object = Object { uid: 1, finalizer: false, deleting: false, settings: 0, status: Status::default() };
        let cache = bounds.stale.then_some(Copied { object, current: true });
        let controller = Controller { cache, absence: None, walk: None };
        let unowned = Resource {
            id: NAME,
            owner: Owner::Nobody,
            token: (0, 0),
            request: 0,
            token_known: false,
            settings: 0,
            phase: Phase::Live,
            missed: None,
        };
        Self {
            live: Some(object),
            resources: if bounds.adoptable { vec![unowned] } else { Vec::new() },
            controllers: vec![controller; bounds.controllers],
            leader: 0,
            edits: 0,
            removals: 0,
            drifts: 0,
            recreations: 0,
            foul: None,
            was_made: false,
        }
    }

    /// Stores `object` and thereby makes every copy of it an old one.
    pub fn store(&mut self, object: Option<Object>) {
        self.live = object;
        for controller in &mut self.controllers {
            for copy in controller.cache.iter_mut().chain(controller.walk.as_mut().map(|walk| &mut walk.copy)) {
                copy.current = false;
            }
        }
    }

    /// The object as a reader gets it now.
    pub fn read(&self) -> Option<Copied> {
        self.live.map(|object| Copied { object, current: true })
    }

    /// The resource with this id, wherever it is in its life, as long as AWS shows it.
    pub fn resource(&mut self, id: Id) -> Option<&mut Resource> {
        self.resources.iter_mut().find(|resource| resource.id == id && resource.phase != Phase::Forgotten)
    }

    /// The live resources of an object.
    pub fn own(&self, uid: u8) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |one| one.owner == Owner::Object(uid) && one.phase == Phase::Live)
    }

    /// Drops what is gone, where AWS shows nothing of it: only kinds with tokens leave a trace.
    pub fn forget(&mut self, shape: Shape) {
        self.resources.retain(|one| one.phase == Phase::Live || (shape == Shape::Token && one.leaves_a_trace()));
    }

    /// The process of controller `c` dies and another one lists anew.
    pub fn restart(&mut self, bounds: &Bounds, c: usize) {
        let cache = self.read().filter(|_| bounds.stale);
        self.controllers[c] = Controller { cache, absence: None, walk: None };
    }
}
