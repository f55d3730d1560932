"""The services in the order in which they are asked, each with the budget of its own. Who is asked first fills a gap,
and the others are told what he filled in: Spotify's word, which the matcher is sure of, then that of AcoustID and
MusicBrainz, then a cover for what they named.
"""

from __future__ import annotations

from musicsyncd.enrichment.acoustid import AcoustId
from musicsyncd.enrichment.base import Enricher
from musicsyncd.enrichment.cache import Cache
from musicsyncd.enrichment.coverart import CoverArt
from musicsyncd.enrichment.musicbrainz import MusicBrainz
from musicsyncd.enrichment.section import EnrichmentSection
from musicsyncd.enrichment.spotify import Search, SpotifyFacts
from musicsyncd.http.budget import Pace
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient


async def spotify_facts(
    section: EnrichmentSection, search: Search, client: HttpClient, budgets: Budgets, answers: Cache
) -> SpotifyFacts:
    """Spotify, asked by its own search within its own budget; only its covers are fetched here."""
    pictures = await budgets.of("Spotify's covers", Pace(rate=5.0, burst=5))
    return SpotifyFacts(search, client, pictures, answers, images_url=section.spotify_images_url)


async def services(
    section: EnrichmentSection, client: HttpClient, budgets: Budgets, answers: Cache
) -> tuple[Enricher, ...]:
    """Those that the settings name: which recording it is, what is known of it, how its release looks."""
    musicbrainz = await budgets.of("MusicBrainz", Pace(rate=section.musicbrainz_rate))
    covers = await budgets.of("Cover Art Archive", Pace(rate=section.coverart_rate))
    found: list[Enricher] = [
        MusicBrainz(client, musicbrainz, answers, base_url=section.musicbrainz_url),
        CoverArt(client, covers, answers, base_url=section.coverart_url, pixels=section.artwork_pixels),
    ]
    if key := section.acoustid_key.get_secret_value():
        acoustid = await budgets.of("AcoustID", Pace(rate=section.acoustid_rate))
        found.insert(0, AcoustId(client, acoustid, answers, base_url=section.acoustid_url, key=key))
    return tuple(found)
