//! The command line.

fn main() -> std::process::ExitCode {
    causeway::cli::main()
}
