//! Tells the crate the target it is built for: a package with a daemon in it is made for one.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=FACEGATE_TARGET={}", std::env::var("TARGET").unwrap_or_default());
}
