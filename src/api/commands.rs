//! Every command that the program prints for people to run: in conditions, Events, recommendations, errors
//! and the log. They are made here and nowhere else, so that one test can run each of them
//! (`tests/e2e/commands.rs`; `tests/it/commands.rs` looks for others in the code).

/// The most bytes of a message with a command: what an Event's note may have.
const MESSAGE_LIMIT: usize = 1024;

/// Declares the commands, and their list. Names and namespaces of Kubernetes, which the blanks are filled with,
/// mean to a shell what they say; everything else is put in quotes.
macro_rules! commands {
    ($($(#[$doc:meta])* $command:ident($($blank:ident),*) = $text:literal;)*) => {
        // A command may have no blanks.
        $($(#[$doc])* #[allow(clippy::useless_format)] pub fn $command($($blank: &str),*) -> String {
            format!($text, $($blank = quoted($blank)),*)
        })*

        /// The names of the commands above.
        pub const NAMES: &[&str] = &[$(stringify!($command)),*];
    };
}

commands! {
    /// Approves the open recommendation with this id of an AwsResource.
    approve(namespace, name, id) =
        "kubectl annotate awsresource {name} -n {namespace} --overwrite aws.ccagi.io/approve={id}";
    /// Shows which AwsAccounts there are.
    list_accounts() = "kubectl get awsaccounts";
    /// Shows what an AwsAccount is like, with its conditions and Events.
    describe_account(name) = "kubectl describe awsaccount {name}";
    /// Shows which AwsResources a namespace has.
    list_resources(namespace) = "kubectl get awsresources -n {namespace}";
    /// Prints the definitions that this program was built with.
    print_definitions() = "ccagi-aws-agent crds";
    /// Installs definitions that are missing.
    install_definitions() = "ccagi-aws-agent crds | kubectl apply --server-side -f -";
    /// Brings definitions up to date, whoever installed them.
    update_definitions() = "ccagi-aws-agent crds | kubectl apply --server-side --force-conflicts -f -";
    /// Prints the IAM policy of a role that `ccagi-aws-agent orphans` can work with.
    iam_policy_for_orphans() = "ccagi-aws-agent iam-policy --orphans";
}

/// The value as one word of a POSIX shell.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=@%+,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// What there is to say before a command, and the command. What is too long for an Event is cut before the command,
/// of which a part is of no use.
pub fn after(text: &str, before: &str, command: &str) -> String {
    let end = format!(" {before} {command}");
    let room = MESSAGE_LIMIT.saturating_sub(end.len());
    if text.len() <= room {
        return format!("{text}{end}");
    }
    let cut = text.floor_char_boundary(room.saturating_sub('…'.len_utf8()));
    format!("{}…{end}", &text[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ANNOTATION_APPROVE;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("web-1.example"), "web-1.example");
        assert_eq!(quoted("a b; c"), "'a b; c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_recommendation_is_approved_in_its_own_namespace_by_the_annotation() {
        let command = approve("shop", "web", "5f0c7a1be2d4");
        assert_eq!(
            command,
            format!("kubectl annotate awsresource web -n shop --overwrite {ANNOTATION_APPROVE}=5f0c7a1be2d4")
        );
    }

    #[test]
    fn a_command_is_never_cut() {
        let command = approve(&"n".repeat(63), &"o".repeat(253), "5f0c7a1be2d4");
        for text in ["short", &"x".repeat(5000), &"é→".repeat(2000)] {
            let message = after(text, "To approve it:", &command);
            assert!(message.len() <= MESSAGE_LIMIT, "{} bytes", message.len());
            assert!(message.ends_with(&format!(" To approve it: {command}")), "{message}");
        }
    }
}
