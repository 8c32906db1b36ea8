"""The seeded bugs: what each changes, and the checks that are expected to catch it, the quickest first."""

from __future__ import annotations

from dataclasses import dataclass

# A check is a test by its name: of the library, of the suite, or one plan of `make faults`.
Check = tuple[str, str]


@dataclass(frozen=True)
class Bug:
    """One bug: ``{bug}`` in ``after`` stands for the expression that says whether it is the one at work."""

    name: str
    words: str
    file: str
    before: str
    after: str
    checks: tuple[Check, ...]


def lib(name: str) -> Check:
    """Return the check by the unit tests whose names hold this."""
    return "lib", name


def suite(name: str) -> Check:
    """Return the check by the tests of the suite whose names hold this."""
    return "suite", name


def plan(text: str) -> Check:
    """Return the check by one plan of the faults."""
    return "plan", text


DECIDE = "src/lifecycle/decide.rs"
APPLY = "src/lifecycle/apply.rs"
OBJECTS = "src/lifecycle/objects.rs"
TAGS = "src/aws/tags.rs"
OLD_COPY = "a_copy_that_is_older_than_the_last_change"
OLD_MARK = "a_deletion_mark_of_an_object_that_is_gone"

BUGS = (
    Bug(
        "intent-not-written",
        "The intent is kept in memory and not written before the create call",
        APPLY,
        "        status::write(&self.api, &mut self.object, next).await?;\n        let next_life = begins",
        "        if {bug} {\n            self.object.status = Some(next);\n        } else {\n"
        "            status::write(&self.api, &mut self.object, next).await?;\n        }\n"
        "        let next_life = begins",
        (plan("VpcNetwork/create aws:ec2.CreateVpc#1 crash-after"),),
    ),
    Bug(
        "token-random",
        "The token is another one at each call",
        "src/lifecycle/intent.rs",
        '    let name = format!("{cluster}|{uid}|{incarnation}");',
        '    let name = format!("{cluster}|{uid}|{incarnation}");\n'
        '    let name = if {bug} { format!("{name}{:?}", std::time::Instant::now()) } else { name };',
        (lib("intent::"),),
    ),
    Bug(
        "denied-is-absence",
        "`AccessDenied` is taken for not found",
        "src/aws/error.rs",
        "        self.code.as_deref().is_some_and(|code| codes.contains(&code))",
        "        if {bug} && self.class == ErrorClass::Denied {\n            return true;\n        }\n"
        "        self.code.as_deref().is_some_and(|code| codes.contains(&code))",
        (lib("error::"), plan("IamRole/delete aws:iam.GetRole@0#1 denied")),
    ),
    Bug(
        "bare-404-is-absence",
        "A 404 that has no code of AWS is taken for not found",
        "src/aws/error.rs",
        "        Err(error) if error.says_absent(codes) => Ok(None),",
        "        Err(error) if error.says_absent(codes) => Ok(None),\n"
        "        Err(error) if {bug} && error.code.as_deref().is_none_or(|code| code == \"NotFound\") => Ok(None),",
        (lib("error::"),),
    ),
    Bug(
        "refusal-proves-all",
        "A refused create call is taken for proof that no earlier one made anything",
        APPLY,
        "                self.intent_is_fresh = untouched && refused;",
        "                self.intent_is_fresh = (untouched || {bug}) && refused;",
        (suite("a_refusal_says_nothing_of_an_earlier_call"),),
    ),
    Bug(
        "error-is-absence",
        "A look that fails is taken for one that finds nothing",
        "src/lifecycle/observe.rs",
        "    let Some(observed) = K::observe(aws, &id, look).await? else {",
        "    let answer = K::observe(aws, &id, look).await;\n"
        "    let answer = if {bug} { Ok(answer.unwrap_or(None)) } else { answer };\n"
        "    let Some(observed) = answer? else {",
        (
            suite("a_denied_read_is_never_taken_for_absence"),
            plan("VpcNetwork/delete aws:ec2.DescribeVpcs@0#1 error-without-effect"),
        ),
    ),
    Bug(
        "finalizer-early",
        "The finalizer goes as soon as AWS has begun to delete",
        DECIDE,
        "        ResourceState::Deleted => Action::RemoveFinalizer(Parting::Deleted),\n"
        "        ResourceState::Deleting => {",
        "        ResourceState::Deleted => Action::RemoveFinalizer(Parting::Deleted),\n"
        "        ResourceState::Deleting if {bug} => Action::RemoveFinalizer(Parting::Deleted),\n"
        "        ResourceState::Deleting => {",
        (lib("decide::"),),
    ),
    Bug(
        "uid-not-compared",
        "The object that is read before a deletion may be another of the same name",
        APPLY,
        "            Some(live) if live.uid().as_ref() == Some(&self.uid) && live.metadata",
        "            Some(live) if ({bug} || live.uid().as_ref() == Some(&self.uid)) && live.metadata",
        (suite(OLD_MARK),),
    ),
    Bug(
        "deleted-by-the-cache",
        "The object is not read before a deletion",
        APPLY,
        "        match self.api.get_opt(&self.object.name_any()).await? {\n            Some(live)",
        "        match self.api.get_opt(&self.object.name_any()).await? {\n            _ if {bug} => {}\n"
        "            Some(live)",
        (suite(OLD_MARK),),
    ),
    Bug(
        "create-repeated",
        "The SDK repeats create calls that have no token",
        "src/kinds/mod.rs",
        "        $call.customize().config_override(once)",
        "        let once = if {bug} { $sdk::config::Builder::new() } else { once };\n"
        "        $call.customize().config_override(once)",
        (plan("VpcNetwork/create aws:ec2.CreateVpc#1 answer-lost"),),
    ),
    Bug(
        "tags-later",
        "Tags follow after the create call",
        APPLY,
        "        let request = Request { spec: &desired.spec, tags: &desired.tags,",
        "        let none = crate::aws::tags::Tags::new();\n"
        "        let tags = if {bug} { &none } else { &desired.tags };\n"
        "        let request = Request { spec: &desired.spec, tags,",
        (
            suite("every_kind_is_tagged_by_its_create_call"),
            plan("VpcNetwork/create aws:ec2.CreateVpc#1 crash-after"),
        ),
    ),
    Bug(
        "status-by-the-cache",
        "The status is written without compare-and-swap",
        OBJECTS,
        '"metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()},',
        '"metadata": if {bug} { json!({"uid": object.uid()}) } else '
        '{ json!({"uid": object.uid(), "resourceVersion": object.resource_version()}) },',
        (suite(OLD_COPY),),
    ),
    Bug(
        "finalizers-by-the-cache",
        "Finalizers are written without compare-and-swap",
        OBJECTS,
        '        "resourceVersion": object.resource_version(),\n',
        '        "resourceVersion": object.resource_version().filter(|_| !{bug}),\n',
        (suite(OLD_COPY),),
    ),
    Bug(
        "second-look-skipped",
        "One look that finds nothing is believed also where a kind lags",
        DECIDE,
        "    if facts.visibility_lag.is_zero() || facts.intent_is_fresh {",
        "    if facts.visibility_lag.is_zero() || facts.intent_is_fresh || {bug} {",
        (lib("decide::"), suite("a_kind_with_neither_holds")),
    ),
    Bug(
        "foreign-is-ours",
        "The tags of another owner are ignored",
        TAGS,
        "        if same_cluster && tag(UID) == Some(&self.uid) {",
        "        if {bug} || same_cluster && tag(UID) == Some(&self.uid) {",
        (lib("tags::"), suite("of_two_objects_that_claim_one_bucket")),
    ),
    Bug(
        "foreign-tags-removed",
        "Tags that the controller never set are removed",
        TAGS,
        "        let remove = applied.iter().filter(",
        "        let all: Vec<String> = observed.keys().cloned().collect();\n"
        "        let applied = if {bug} { &all } else { applied };\n"
        "        let remove = applied.iter().filter(",
        (lib("tags::"),),
    ),
    Bug(
        "lease-not-fenced",
        "A leader writes also after its lease has ended",
        "src/fence.rs",
        "            Self::Until { end, .. } => end",
        "            Self::Until { .. } if {bug} => true,\n            Self::Until { end, .. } => end",
        (lib("fence::"),),
    ),
    Bug(
        "incarnation-by-edits",
        "An edit raises the incarnation, and with it changes the token",
        DECIDE,
        "            Action::WriteIntent { incarnation: intent.incarnation }\n        }\n        Some(_) => Action::Create",
        "            Action::WriteIntent { incarnation: intent.incarnation + i32::from({bug}) }\n        }\n"
        "        Some(_) => Action::Create",
        (lib("decide::"),),
    ),
    Bug(
        "token-kept",
        "A resource that is gone is made again under the token of its last life",
        "src/lifecycle/decide/beyond.rs",
        "        Some(_) => Action::WriteIntent { incarnation: intent.incarnation + 1 },",
        "        Some(_) => Action::WriteIntent { incarnation: intent.incarnation + i32::from(!{bug}) },",
        (lib("decide::"), suite("a_kind_with_a_token_holds")),
    ),
    Bug(
        "created-by-the-cache",
        "A resource is made for an object that only the cache has",
        DECIDE,
        "        Action::Create | Action::Adopt if !facts.current => Action::Reread,",
        "        Action::Create | Action::Adopt if !facts.current && !{bug} => Action::Reread,",
        (lib("decide::"), suite("a_kind_with_a_name_holds")),
    ),
    Bug(
        "retained-is-deleted",
        "What the policies keep is deleted with its object",
        DECIDE,
        "    (!facts.policies.delete).then_some(",
        "    (!facts.policies.delete && !{bug}).then_some(",
        (lib("decide::"), suite("a_bucket_is_retained_by_default")),
    ),
)
