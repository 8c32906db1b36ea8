//! The program `ccagi-aws-agent`.

fn main() -> std::process::ExitCode {
    ccagi_aws_agent::cli::main()
}
