//! What is generated from the table of kinds in `mod.rs`.

/// Generates, from one line per kind, its module, its member in the manifest's union, its name and
/// its variant for exhaustive matching.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident, $member:ident, $key:literal, $spec:ident, $owner:ident;)+) => {
        $( pub mod $member; )+

        /// The kind block of an `AwsResource`: exactly one member is set. Those that are not take the room of
        /// a pointer in the cache.
        #[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct KindBlock {
            /// The kind by name; where it is given, it must name the member that is set.
            #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
            pub type_: Option<KindName>,
            $(
                // Without a description here, the schema has that of the spec, which says more.
                #[allow(missing_docs)]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $member: Option<Box<$member::$spec>>,
            )+
        }

        /// The kinds by name.
        #[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, PartialOrd, Ord)]
        pub enum KindName {
            $( $(#[doc = $doc])* $kind, )+
        }

        impl KindName {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[$( Self::$kind, )+];

            /// The kind's name, as in `status.kind`.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$kind => stringify!($kind), )+ }
            }

            /// The member of the manifest that declares the kind.
            pub fn member(self) -> &'static str {
                match self { $( Self::$kind => $key, )+ }
            }

            /// The field of the kind's block that names the resource in AWS, where users name it.
            pub fn name_field(self) -> Option<&'static str> {
                match self { $( Self::$kind => <$member::$kind as Kind>::NAME_FIELD, )+ }
            }

            /// The historical agent that owns the kind.
            pub fn owner(self) -> Agent {
                match self { $( Self::$kind => Agent::$owner, )+ }
            }

            /// Whether a resource of the kind can give somebody rights in the account.
            pub fn grants_access(self) -> bool {
                match self { $( Self::$kind => <$member::$kind as Kind>::GRANTS_ACCESS, )+ }
            }

            /// Whether a resource of the kind is given a role to act with.
            pub fn is_given_a_role(self) -> bool {
                match self { $( Self::$kind => !<$member::$kind as Kind>::ROLES.is_empty(), )+ }
            }

            /// The IAM actions that the kind's calls need.
            pub fn iam_actions(self) -> &'static [&'static str] {
                match self { $( Self::$kind => <$member::$kind as Kind>::IAM_ACTIONS, )+ }
            }

            /// The IAM actions that listing what carries a cluster's tags needs beyond those.
            pub fn listing_actions(self) -> &'static [&'static str] {
                match self { $( Self::$kind => <$member::$kind as Kind>::LISTING_ACTIONS, )+ }
            }

            /// Whether the account has the resources as a whole, and not each of its regions its own.
            pub fn is_global(self) -> bool {
                match self { $( Self::$kind => <$member::$kind as Kind>::GLOBAL, )+ }
            }

            /// Lists what carries the tags of this cluster.
            pub async fn list_owned(self, aws: &Aws, cluster: &str) -> owned::Listing {
                match self { $( Self::$kind => <$member::$kind as Kind>::list_owned(aws, cluster).await, )+ }
            }
        }

        /// The one kind block that is set, for exhaustive matching.
        #[derive(Clone, Debug)]
        pub enum KindSpec {
            $( $(#[doc = $doc])* $kind(Box<$member::$spec>), )+
        }

        impl KindBlock {
            /// The block that is set, or `None` where there is not exactly one. The API server refuses
            /// such objects; one can still be stored from before the rule.
            pub fn the_one(&self) -> Option<KindSpec> {
                let mut set = Vec::with_capacity(1);
                $( set.extend(self.$member.clone().map(KindSpec::$kind)); )+
                if set.len() == 1 { set.pop() } else { None }
            }
        }

        impl KindBlock {
            /// The name of the block that is set, without a copy of it; `None` as in [`Self::the_one`].
            pub fn name(&self) -> Option<KindName> {
                let mut set = Vec::with_capacity(1);
                $( set.extend(self.$member.as_ref().map(|_| KindName::$kind)); )+
                if set.len() == 1 { set.pop() } else { None }
            }
        }

        impl KindSpec {
            /// The kind's name.
            pub fn name(&self) -> KindName {
                match self { $( Self::$kind(_) => KindName::$kind, )+ }
            }
        }

        /// Runs an expression generic over the kind of a [`KindSpec`]:
        /// `with_kind!(spec, K, spec => walk::<K>(spec))`.
        macro_rules! with_kind {
            ($value:expr, $K:ident, $name:ident => $body:expr) => {
                match $value {
                    $( $crate::kinds::KindSpec::$kind($name) => {
                        type $K = $crate::kinds::$member::$kind;
                        let $name = *$name;
                        $body
                    } )+
                }
            };
        }
        pub(crate) use with_kind;
    };
}
