"""Every refusal says what happened and what to do; none carries a patient value.

All named errors of the house live here, so that a notebook can catch `EciError`
and a reader can see at a glance what can go wrong.
"""

from __future__ import annotations

import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class EciError(Exception):
    """Something was refused: `what` happened, and the `remedy`; `noted` once the audit trail tells of it.

    Examples
    --------
    >>> import eci_annotate as eci
    >>> eci.load_series([])
    Traceback (most recent call last):
    eci_annotate.errors.NoImages: No images to load. Give the files of one series.
    """

    noted = False

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the lines of the one who called, what happened, and the remedy; nothing from inside."""
        inside = (str(Path(__file__).parent), sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"))
        frames = traceback.extract_tb(self.__traceback__)
        lines = [f"line {e.lineno}: {e.line}" for e in frames if e.line and not e.filename.startswith(inside)]
        return [*lines, "", f"\x1b[31m{type(self).__name__}\x1b[0m: {self.what}", self.remedy]


# -- work: who may do what, and when ------------------------------------------
class Refused(EciError):
    """The workflow does not allow this command now, or not by this actor."""


class LeaseLost(Refused):
    """The task is held by somebody else, or the lease has ended; work stays as a draft."""


class NotFound(EciError):
    """No such project, subject, task, version, series or blob that this actor may see."""


class NoSeriesFits(NotFound):
    """No series of the subject fits the hanging protocol; the user chooses one."""


class Conflict(EciError):
    """Somebody else appended to the stream in the meantime; read again and retry."""


class NoIdentity(EciError):
    """There is no usable credential, so nobody knows who is acting."""


class BadRequest(EciError):
    """Something was said to the service that it does not understand."""


class Overloaded(EciError):
    """The service has too much to do, or was asked for too much at once; try again a little later."""


class WorkerFailed(EciError):
    """A process that worked for this one ended, or raised an error that has no name here."""


class BadSecret(EciError):
    """The secret given does not open the signer's key."""


class Untrusted(EciError):
    """A certificate that does not come from a trusted authority, or was not valid."""


class BadUseCase(EciError):
    """A use case, form or hanging protocol does not fit its schema."""


class BadAnswers(EciError):
    """The answers do not fit the report form."""


class Tampered(EciError):
    """Stored content does not match its digest, seal or signature."""


class NotARepository(EciError):
    """The folder or address holds no eci_annotate repository, or one of another format."""


# -- images ---------------------------------------------------------------------
class BadImages(EciError):
    """Images that cannot be shown truthfully; its kinds say why."""


class NoImages(BadImages):
    """No DICOM image at all was found."""


class NotDicom(BadImages):
    """A file that is not DICOM."""


class NoPrefix(NotDicom):
    """The elements of a DICOM object without the prefix of a file (PS3.10 section 7.1), as old archives write them."""


class DamagedFile(BadImages):
    """A DICOM file that is truncated or whose pixels cannot be decoded."""


class DecoderFailed(DamagedFile):
    """The process that decodes images ended, took too long, or needed too much memory over them."""


class MixedSeries(BadImages):
    """More than one series, frame of reference, orientation or matrix where one is needed."""


class MissingSlice(BadImages):
    """The slices leave a gap."""


class UnevenSlices(BadImages):
    """Slice positions are uneven, doubled or sheared (gantry tilt)."""


class MissingGeometry(BadImages):
    """Spacing, orientation, position or a UID is absent; it is never guessed."""


class BadMedia(BadImages):
    """An archive or DICOMDIR that is damaged, leaves its folder, or exceeds the limits."""


class BadRegistration(EciError):
    """A registration that cannot be read, or under which an annotation would not stay what it is."""


class NoSuv(BadImages):
    """PET whose header does not allow a standardised uptake value."""


class UnsupportedImages(BadImages):
    """A kind of DICOM image that cannot become a volume here."""


# -- de-identification -----------------------------------------------------------
class BadPolicy(EciError):
    """A de-identification policy that cannot be read or does not fit its schema."""


class BadSiteKey(EciError):
    """The site's secret for pseudonyms is missing, readable by others, or not of the right length."""


class BadConfiguration(EciError):
    """The configuration of a hospital's proxy cannot be read, does not fit its schema, or names what is not usable."""


class NotAtCentre(EciError):
    """The centre cannot be reached, or gave an answer that the proxy does not understand."""


class NoKeyedDigest(EciError):
    """This Python cannot compute SHA-512/256 (FIPS 180-4), or computes it wrongly."""


# -- space ------------------------------------------------------------------------
class FrameMismatch(EciError):
    """Two things that do not live in the same frame were combined."""


class BadVolume(EciError):
    """An array that does not follow the volume convention."""


class BadAnnotation(EciError):
    """An annotation whose parameters make no shape."""


class BadStructureSet(EciError):
    """A file that is no readable RTSTRUCT."""


class BadSegmentation(EciError):
    """A file that is no readable DICOM SEG, or annotations that a segmentation cannot hold."""


class BadReport(EciError):
    """A file that is no readable structured report."""


class WrongPlane(EciError):
    """A tool was used in a plane where it cannot work."""


class BadJournal(EciError):
    """A stroke journal or snapshot that cannot be replayed."""


# -- stores -----------------------------------------------------------------------
class StoreUnavailable(EciError):
    """The repository cannot be written or reached: a full disk, a read-only folder, a service that does not answer."""


# -- software -----------------------------------------------------------------------
class NotInstalled(EciError):
    """A package that this needs is an extra, and is not there; the remedy installs it."""


UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)
"""What is raised where content is read that is not as it was written."""


@contextmanager
def undamaged(what: str, remedy: str = "Restore it from a backup.") -> Iterator[None]:
    """Tampered, in these words, where content is read that is not as it was written."""
    try:
        yield
    except UNREADABLE:
        raise Tampered(what, remedy) from None
