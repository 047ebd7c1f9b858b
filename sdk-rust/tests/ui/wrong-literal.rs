use swell::prelude::*;

#[scenario(tps = "100")]
fn rate_as_text() -> Result<()> {
    Ok(())
}

#[scenario(tps = 100u32)]
fn rate_with_a_type() -> Result<()> {
    Ok(())
}

#[scenario(duration = 30)]
fn duration_without_a_unit() -> Result<()> {
    Ok(())
}

#[scenario(hosts = "api.example.com")]
fn hosts_as_one_text() -> Result<()> {
    Ok(())
}

#[scenario(hosts())]
fn no_hosts() -> Result<()> {
    Ok(())
}

#[scenario(start = "log_in")]
fn hook_as_text() -> Result<()> {
    Ok(())
}

#[scenario(name)]
fn name_without_a_value() -> Result<()> {
    Ok(())
}

#[scenario(name = "")]
fn an_empty_name() -> Result<()> {
    Ok(())
}

#[transaction(name = front_page)]
fn name_without_quotes() -> Result<()> {
    Ok(())
}

#[transaction(name = "")]
fn empty_name() -> Result<()> {
    Ok(())
}

fn main() {}
