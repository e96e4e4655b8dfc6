"""Who may be sent to: urls read one way only, and addresses that no list opens."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.core.config import Settings
from app.events import receivers
from app.events.network import Network, RefusedError, network_of
from app.events.receivers import Receivers, listed, never, read

ALL = Receivers(
    names=frozenset({"hooks.example.cn"}),
    suffixes=(".example.cn",),
    networks=(ip_network("0.0.0.0/0"), ip_network("::/0")),
    http=True,
    ports=frozenset({80, 443, 8443}),
)

NEVER = [
    *("0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.0.23", "224.0.0.1"),  # noqa: S104
    *("239.255.255.250", "240.0.0.1", "255.255.255.255", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::10.0.0.1", "fe80::1", "fec0::1", "ff02::1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "100::1", "fd00:ec2::254", "5f00::1"),
]
ORDINARY = ["10.0.0.1", "172.16.5.4", "192.168.1.20", "100.64.0.9", "202.99.96.68", "fd12:3456::1", "2408:8000::1"]


@pytest.mark.parametrize("text", NEVER)
def test_never(text: str) -> None:
    address = ip_address(text)
    assert never(address)
    for url in (f"https://[{text}]/" if ":" in text else f"https://{text}/", "https://hooks.example.cn/"):
        target = read(url)
        assert target is None or not ALL.allows(target, [address])


@pytest.mark.parametrize("text", ORDINARY)
def test_an_intranets_addresses_are_ordinary(text: str) -> None:
    target = read(f"https://[{text}]:8443/hook" if ":" in text else f"https://{text}:8443/hook")
    assert target is not None
    assert ALL.may_be_looked_up(target)
    assert ALL.allows(target, [ip_address(text)])


_ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@given(_ADDRESSES)
@example(ip_address("::ffff:169.254.169.254"))
@example(ip_address("255.255.255.255"))
def test_nothing_special_is_ever_let_through(address: IPv4Address | IPv6Address) -> None:
    """Against what the standard library knows of addresses: it is another list than ours."""
    if never(address):
        return
    common = (address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified)
    assert not any(common)
    if isinstance(address, IPv6Address):
        disguised = (address.ipv4_mapped, address.sixtofour, address.teredo)
        assert not any((*disguised, address.is_site_local))
    else:
        assert not address.is_reserved


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::ffff:0:0", "::", "64:ff9b::", "2002::", "2001::"]))
def test_no_address_hides_in_another(inner: int, prefix: str) -> None:
    """An IPv4 address in IPv6's clothes is never let through, whichever it is."""
    shift = 80 if prefix == "2002::" else 0
    assert never(IPv6Address(int(IPv6Address(prefix)) | inner << shift))


@given(_ADDRESSES, _ADDRESSES)
def test_one_that_is_refused_spoils_all(first: IPv4Address | IPv6Address, second: IPv4Address | IPv6Address) -> None:
    target = read("https://hooks.example.cn/")
    assert target is not None
    assert ALL.allows(target, [first, second]) == (not never(first) and not never(second))
    assert not ALL.allows(target, [])


@given(_ADDRESSES, st.integers(0, 32))
def test_a_refused_network_wins_over_every_list(address: IPv4Address | IPv6Address, bits: int) -> None:
    closed = Receivers(
        names=ALL.names, networks=ALL.networks, refused=(ip_network((address, bits), strict=False),), http=True
    )
    for url in (
        "https://hooks.example.cn/",
        f"https://[{address}]/" if address.version == 6 else f"https://{address}/",
    ):
        target = read(url)
        assert target is None or not closed.allows(target, [address])


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example.cn", "//hooks.example.cn/", "https:/hooks.example.cn", "javascript:alert(1)"),
        *(
            "https://hooks.example.cn@evil.cn/",
            "https://user:word@hooks.example.cn/",
            "https://hooks.example.cn\\@evil.cn/",
        ),
        *(
            "https://hooks.example.cn/#part",
            "https://hooks.example.cn/a b",
            "https://hooks.example.cn/\r\nX: y",
            "https:///x",
        ),
        *(
            "https://hooks.example.cn\t/",
            " https://hooks.example.cn/",
            "https://hooks.example.cn/\n",
            "https://例子.cn/",
        ),
        *("https://hooks.example.cn:0/", "https://hooks.example.cn:65536/", "https://hooks.example.cn:4 43/"),
        *(
            "https://hooks.example.cn:/",
            "https://hooks.example.cn:０/",
            "https://hooks.example.cn./",
            "https://.example.cn/",
        ),
        *("https://127.1/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://2130706433/"),
        *("https://127.0.0.1.1/", "https://1.2.3/", "https://[::1%25eth0]/", "https://[::1%eth0]/", "https://[::1/"),
        *("https://[1.2.3.4]/", "https://::1/", "https://-x.example.cn/", "https://a_b.example.cn/", "https://x..cn/"),
        *("HTTPS://hooks.example.cn/", "https://hooks.example.cn?x=1", "https://hooks%2eexample.cn/"),
        "https://hooks.example.cn/" + "x" * 500,
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(url: str) -> None:
    assert read(url) is None


def test_read() -> None:
    target = read("https://Hooks.Example.cn/a/b?c=%E7%A4%BA&d=1")
    assert target == receivers.Target("https", "hooks.example.cn", 443, "/a/b?c=%E7%A4%BA&d=1")
    assert target.authority == "hooks.example.cn"
    six = read("http://[FD12:0:0::1]:8080")
    assert six == receivers.Target("http", "fd12::1", 8080, "/")
    assert six.authority == "[fd12::1]:8080"


@given(st.text(max_size=60) | st.from_regex(r"https?://[\w.:@\[\]%/\\-]{1,40}", fullmatch=True))
def test_any_text_is_read_or_not(text: str) -> None:
    target = read(text)
    if target is not None:
        assert target.host.isascii()
        assert not set(target.host + target.path) & set("@\\#\r\n\t ") - {"@"}
        assert "@" not in target.host


def test_names_and_suffixes_are_exact() -> None:
    names, suffixes, networks = listed("hooks.example.cn, *.inside.cn, 10.0.0.0/8, 192.168.1.7, fd12::/16")
    rules = Receivers(names=names, suffixes=suffixes, networks=networks)
    address = [ip_address("172.16.0.1")]

    def allowed(host: str) -> bool:
        target = read(f"https://{host}/")
        assert target is not None
        return rules.allows(target, address)

    assert allowed("hooks.example.cn")
    assert allowed("a.inside.cn")
    assert allowed("a.b.inside.cn")
    for other in ("inside.cn", "xhooks.example.cn", "a.hooks.example.cn", "hooks.example.cn.evil.cn", "ainside.cn"):
        assert not allowed(other), other
    plain = read("https://10.0.0.1:9000/")
    assert plain is not None
    assert not rules.may_be_looked_up(plain)  # the port
    for wrong in ("https://x.cn", "*", "*.*.cn", "10.0.0.1/8", "a b"):
        with pytest.raises(ValueError, match=r"."):
            listed(wrong)


async def _address(settings: Settings, url: str, names: dict[str, list[str]]) -> str:
    made = network_of(settings)

    async def look_up(host: str, _port: int) -> list[str]:
        return names[host]

    made._look_up = look_up
    return str((await made.address_of(url))[1])


def _settings(**more: object) -> Settings:
    values = {"webhook_receivers": "10.0.0.0/8, hooks.example.cn", "database_url": SecretStr("postgresql://a:b@db/x")}
    return Settings(**{**values, **more})  # type: ignore[arg-type]


async def test_the_databases_network_is_never_sent_to() -> None:
    names = {"db": ["10.9.8.7"], "hooks.example.cn": ["10.9.8.200"], "other": ["10.9.9.1"]}
    for url in ("https://hooks.example.cn/", "https://10.9.8.7/", "https://10.9.8.1:8443/"):
        with pytest.raises(RefusedError):
            await _address(_settings(), url, names)
    assert await _address(_settings(), "https://other/", names) == "10.9.9.1"
    # Who says which network it is, is believed.
    assert (
        await _address(_settings(database_networks="10.9.8.7/32"), "https://hooks.example.cn/", names) == "10.9.8.200"
    )
    with pytest.raises(RefusedError):
        await _address(_settings(database_networks="10.9.8.7/32"), "https://10.9.8.7/", names)


async def test_what_cannot_be_known_of_the_database_closes_everything() -> None:
    async def look_up(host: str, _port: int) -> list[str]:
        if host == "db":
            raise OSError(host)
        return ["10.1.1.1"]

    made = Network(ALL, database=["db"], look_up=look_up)
    with pytest.raises(RefusedError):
        await made.address_of("https://hooks.example.cn/")


def test_a_list_that_cannot_be_read_stops_the_start() -> None:
    with pytest.raises(ValueError, match="hooks"):
        network_of(_settings(webhook_receivers="https://hooks.example.cn"))
