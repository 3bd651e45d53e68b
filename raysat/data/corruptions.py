"""What can go wrong with a patch on its way from the ground to a store: each with its source and five severities.

After ImageNet-C (Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
perturbations", ICLR), whose severities are of photographs: these are of multispectral sensors, for any number of bands.
Strengths are in parts of a band's full scale (``BandStats.low`` to ``high``) unless said otherwise. What applies them
is ``inference/corruptions/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from raysat.data.sensors import SENSORS

SEVERITIES: Final = 5
THERMAL_UM: Final = 3.0  # micrometres: beyond this a band sees the heat of the surface, not the light of the sun


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """One way in which patches go wrong."""

    name: str  # in files and on the command line
    title: str  # where people read
    what: str  # it does, and what the strength is
    source: str
    strengths: tuple[float, float, float, float, float]  # by severity, 1 to 5
    version: int = 1  # counts changes of what comes out: what was evaluated with an older one is evaluated again

    def strength(self, severity: int) -> float:
        """How strong it is at a severity from 0, where nothing happens, to ``SEVERITIES``."""
        return self.strengths[severity - 1] if severity else 0.0


_TABLE: Final = (
    Corruption(
        name="noise",
        title="noise",
        what="shot and read noise: standard deviation at full scale; half of it is there in the dark too",
        source="Foi et al. 2008, Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data, "
        "IEEE Trans. Image Process. 17(10)",
        strengths=(0.02, 0.04, 0.06, 0.09, 0.13),
    ),
    Corruption(
        name="blur",
        title="blur",
        what="a Gaussian point spread function: its standard deviation in pixels",
        source="Schowengerdt 2007, Remote Sensing: Models and Methods for Image Processing, 3rd ed., ch. 3",
        strengths=(0.5, 0.8, 1.2, 1.8, 2.5),
    ),
    Corruption(
        name="haze",
        title="haze",
        what="aerosol over the whole patch: optical depth at 0.55 µm, falling with wavelength^-1.3; what is lost of "
        "the surface is replaced by light of 0.7 of full scale",
        source="Ångström 1929, On the atmospheric transmission of sun radiation and on dust in the air, Geogr. Ann. "
        "11; Makarau et al. 2014, Haze detection and removal in remotely sensed multispectral imagery, IEEE Trans. "
        "Geosci. Remote Sens. 52(9)",
        strengths=(0.1, 0.25, 0.5, 0.8, 1.2),
    ),
    Corruption(
        name="cloud",
        title="thin cloud",
        what="a fractal field of white opacity, the same in all reflective bands, cold in thermal ones: its most",
        source="Enomoto et al. 2017, Filmy cloud removal on satellite imagery with multispectral conditional GANs, "
        "CVPR Workshops; Czerkawski et al. 2023, SatelliteCloudGenerator, Remote Sens. 15(17)",
        strengths=(0.15, 0.3, 0.45, 0.6, 0.8),
    ),
    Corruption(
        name="shadow",
        title="cloud shadow",
        what="a fractal field with less direct sunlight: the most of it that is lost; diffuse light, blue, stays",
        source="Richter & Müller 2005, De-shadowing of satellite/airborne imagery, Int. J. Remote Sens. 26(15); Zhu & "
        "Woodcock 2012, Object-based cloud and cloud shadow detection in Landsat imagery, Remote Sens. Environ. 118",
        strengths=(0.15, 0.3, 0.45, 0.6, 0.8),
    ),
    Corruption(
        name="dropout",
        title="lost bands",
        what="bands that are missing, and filled with their mean as nodata is: their share, one at least, never all",
        source="Wang et al. 2006, A new method for retrieving band 6 of Aqua MODIS, IEEE Geosci. Remote Sens. "
        "Lett. 3(2)",
        strengths=(0.05, 0.15, 0.3, 0.45, 0.65),
    ),
    Corruption(
        name="striping",
        title="striping",
        what="detectors of a pushbroom sensor that differ, a column each: standard deviation of gain; of offset half",
        source="Carfantan & Idier 2010, Statistical linear destriping of satellite-based pushbroom-type images, IEEE "
        "Trans. Geosci. Remote Sens. 48(4)",
        strengths=(0.02, 0.04, 0.07, 0.11, 0.16),
    ),
    Corruption(
        name="gain",
        title="gain shift",
        what="a calibration error of each band: standard deviation of its gain",
        source="Markham et al. 2014, Landsat-8 Operational Land Imager radiometric calibration and stability, Remote "
        "Sens. 6(12), has 3 %, which is severity 1",
        strengths=(0.03, 0.06, 0.1, 0.16, 0.25),
    ),
    Corruption(
        name="misregistration",
        title="misregistration",
        what="each band displaced in a direction of its own: by so many pixels",
        source="Townshend et al. 1992, The impact of misregistration on change detection, IEEE Trans. Geosci. "
        "Remote Sens. 30(5)",
        strengths=(0.25, 0.5, 1.0, 1.5, 2.5),
    ),
    Corruption(
        name="missing",
        title="missing corner",
        what="pixels beyond a straight edge, as of a swath, filled with the bands' means as nodata is: their share",
        source="Markham et al. 2004, Landsat sensor performance: history and current status, IEEE Trans. Geosci. "
        "Remote Sens. 42(12), on Landsat 7 without its scan line corrector",
        strengths=(0.05, 0.12, 0.2, 0.35, 0.5),
    ),
)
CORRUPTIONS: Final = {corruption.name: corruption for corruption in _TABLE}


def wavelengths(bands: Sequence[str], sensor: str | None) -> tuple[float | None, ...]:
    """Centre wavelengths of bands in micrometres; None for those of a sensor, or under a name, that is not known."""
    known = {band.name: band.wavelength_um for band in SENSORS[sensor].bands} if sensor in SENSORS else {}
    return tuple(known.get(band) for band in bands)
