"""Files that name others: playlists and their like, as they may be uploaded for videos."""

import struct

HLS = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:1
{more}#EXTINF:1,
{target}
#EXT-X-ENDLIST
"""

HLS_MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,URI="{target}"
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
{target}
"""

DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">
<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">
<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>
"""

SDP = """v=0
o=- 0 0 IN IP4 {host}
s=x
c=IN IP4 {host}
t=0 0
m=video {port} RTP/AVP 96
a=rtpmap:96 H264/90000
a=control:{target}
"""

SMOOTH = """<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2" Duration="1">
<StreamIndex Type="video" Url="{target}"><c d="1"/></StreamIndex></SmoothStreamingMedia>
"""

ASX = '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'

REFERENCE = "[Reference]\nRef1={target}\nRef2={target}\n"

SMIL = '<smil><body><video src="{target}"/></body></smil>'

XSPF = """<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList><track>
<location>{target}</location></track></trackList></playlist>
"""

VOBSUB = """# VobSub index file, v7 (do not modify this line!)
size: 720x576
id: en, index: 0
timestamp: 00:00:00:000, filepos: 000000000
"""

TEXTS = {
    "m3u8": HLS.replace("{more}", ""),
    "m3u8 with a key": HLS.replace("{more}", '#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n'),
    "m3u8 with a map": HLS.replace("{more}", '#EXT-X-MAP:URI="{target}"\n'),
    "m3u8 of playlists": HLS_MASTER,
    "m3u": "#EXTM3U\n{target}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\nduration 1\n",
    "concat": "file '{target}'\nfile '{target}'\n",
    "mpd": DASH,
    "sdp": SDP,
    "ism": SMOOTH,
    "asx": ASX,
    "asf": REFERENCE,
    "smil": SMIL,
    "xspf": XSPF,
    "pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "ram": "{target}\n",
    "rtsptext": "RTSPtext\n{target}\n",
    "vtt": "WEBVTT\n\nNOTE {target}\n\n00:00.000 --> 00:01.000\n{target}\n",
    "idx": VOBSUB,
    "edl": "# mpv EDL v0\n{target},0,1\n",
    "ffmetadata": ";FFMETADATA1\nfile={target}\n",
    "subfile": "subfile,,start,0,end,0,,:{target}\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{target}"/></svg>',
    "swf": "FWS\x05{target}",
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/'
    '2016"><Asset><Path>{target}</Path></Asset></CompositionPlaylist>',
}
"""By their usual ending: what a player of some kind would follow to `{target}`."""


def all_of(target: str, host: str, port: int) -> dict[str, bytes]:
    """Every kind of file that names others, each naming `target`, or `host` and `port`."""
    texts = {
        name: text.replace("{target}", target).replace("{host}", host).replace("{port}", str(port))
        for name, text in TEXTS.items()
    }
    files = {name: text.encode() for name, text in texts.items()}
    for codec, encoded in (("utf-8-sig", "with a byte order mark"), ("utf-16", "in UTF-16")):
        files[f"m3u8 {encoded}"] = texts["m3u8"].encode(codec)
    files["mov of another file"] = movie(reference(target))
    files["mov that leads elsewhere"] = box(b"moov", redirection(target))
    files["mp4 with a playlist inside"] = movie() + box(b"mdat", files["m3u8"])
    files["zip-like"] = b"PK\x03\x04" + files["m3u8"]
    return files


def box(kind: bytes, *contents: bytes) -> bytes:
    """A box of an MP4 or MOV."""
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, *contents: bytes, flags: int = 0) -> bytes:
    """A box with a version, 0, and flags."""
    return box(kind, struct.pack(">I", flags), *contents)


def reference(target: str) -> bytes:
    """A `dref` whose media lie in another file: an alias by its path, and a URL."""
    name = target.encode()
    path = struct.pack(">hH", 2, len(name)) + name + bytes(len(name) % 2)
    alias = bytes(150) + path + struct.pack(">hH", -1, 0)
    entries = (full_box(b"alis", alias), full_box(b"url ", name + b"\0"))
    return full_box(b"dref", struct.pack(">I", len(entries)), *entries)


def redirection(target: str) -> bytes:
    """A reference movie, of which players play another."""
    named = full_box(b"rdrf", b"url ", struct.pack(">I", len(target)), target.encode())
    return box(b"rmra", box(b"rmda", named))


OWN_MEDIA = full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=1))


def movie(
    dref: bytes = OWN_MEDIA,
    *,
    samples: int = 1,
    each: int = 1000,
    sizes: bytes = struct.pack(">II", 1, 0),
    width: int = 64,
    height: int = 48,
) -> bytes:
    """An MP4 of one video track: an index of `samples` pictures of `each` milliseconds.

    `sizes` is what its `stsz` says, before the count of pictures: one size for all by default.
    """
    entry = box(
        *(b"mp4v", bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", width, height)),
        *(struct.pack(">II", 72 << 16, 72 << 16), bytes(4), struct.pack(">H", 1), bytes(32)),
        struct.pack(">Hh", 24, -1),
    )
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stts", struct.pack(">III", 1, samples, each)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, samples, 1)),
        full_box(b"stsz", sizes[:4], struct.pack(">I", samples), sizes[8:]),
        full_box(b"stco", struct.pack(">II", 1, 40)),
    )
    length = samples * each & 0xFFFFFFFF
    media = box(
        b"mdia",
        full_box(b"mdhd", struct.pack(">IIIIHH", 0, 0, 1000, length, 0, 0)),
        full_box(b"hdlr", bytes(4), b"vide", bytes(13)),
        box(b"minf", full_box(b"vmhd", bytes(8), flags=1), box(b"dinf", dref), table),
    )
    header = full_box(
        *(b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, length), bytes(52)),
        struct.pack(">II", width << 16, height << 16),
        flags=7,
    )
    overall = full_box(b"mvhd", struct.pack(">IIII", 0, 0, 1000, length), bytes(80))
    return box(b"ftyp", b"isom", bytes(4), b"isom") + box(
        b"moov", overall, box(b"trak", header, media)
    )
