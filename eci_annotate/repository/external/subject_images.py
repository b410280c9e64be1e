"""What `Task` and `Signed` share: a subject's studies, and what came with its images."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from eci_annotate.archive.protocol import Study
from eci_annotate.repository.backend import Backend, Images
from eci_annotate.repository.layout.kept_series import KeptSeries

if TYPE_CHECKING:
    from eci_annotate.imaging.registration.registration import Registration
    from eci_annotate.repository.assistants.protocol import Prompt, Proposed
    from eci_annotate.repository.external.study_objects import StudyObject


class SubjectImages:
    """The images of one subject, and the objects among them.

    Attributes
    ----------
    project, subject
        Whose.
    """

    project: str
    subject: str
    _backend: Backend
    _images: Images

    def studies(self) -> list[Study]:
        """The subject's studies with their series."""
        return self._images.studies(self.project, self.subject)

    @property
    def kept_series(self) -> KeptSeries:
        """The series that you keep in slots of the hanging protocol."""
        return KeptSeries(self._backend, self.project, self.subject)

    def assistants(self) -> list[str]:
        """The names of the model servers that the owner allowed for the project."""
        return self._images.assistants(self.project, self.subject)

    def propose(self, series_uid: str, assistant: str, prompts: tuple[Prompt, ...]) -> Proposed:
        """What a model server proposes for a series; the image goes there, and that is recorded."""
        return self._images.propose(self.project, self.subject, series_uid, assistant, prompts)

    def registrations(self) -> list[Registration]:
        """The registrations of the subject: DICOM REG objects of its studies, and data layers that hold one.

        A data layer holds a DICOM registration, or an ITK transform (.tfm, .txt) whose media type names the frames of
        reference: ``text/x-itk-transform; fixed=UID; moving=UID``. One that cannot be read is left out with a warning
        that names it.

        Examples
        --------
        >>> import tempfile
        >>> import eci_annotate as eci
        >>> folder = tempfile.mkdtemp()
        >>> files = eci.write_phantom(f"{folder}/dicom", "tiny")
        >>> key = eci.create_repository(f"{folder}/demo", project="liver-ct", member="anna", site="KAU")
        >>> repo = eci.open(f"{folder}/demo")
        >>> imported = eci.import_folders(repo.backend, [f"{folder}/dicom"], project="liver-ct", site="KAU")
        >>> lines = ["#Insight Transform File V1.0", "Transform: TranslationTransform_double_3_3"]
        >>> text = chr(10).join([*lines, "Parameters: 0 0 7", "FixedParameters:"]).encode()
        >>> kind = "text/x-itk-transform; fixed=1.2.4; moving=1.2.3"
        >>> layer = repo.attach("ECI_KAU_S0001", "motion", text, kind)
        >>> (motion,) = repo.start("ECI_KAU_S0001", "annotate").registrations()
        >>> motion.name, motion.source_uid, motion.target_uid
        ('motion', '1.2.3', '1.2.4')
        """
        found, problems = self.read_registrations()
        for problem in problems:
            warnings.warn(problem, stacklevel=2)
        return found

    def read_registrations(self) -> tuple[list[Registration], list[str]]:
        """Return the registrations, and for each that cannot be read a sentence that names it."""
        from eci_annotate.repository.external.study_registrations import study_registrations

        return study_registrations(self._backend, self._images, self.project, self.subject, self.studies())

    def objects(self) -> list[StudyObject]:
        """The structure sets and segmentations of others that came with the images; see `eci.adopt`."""
        from eci_annotate.repository.external.study_objects import study_objects

        return study_objects(self._images, self.project, self.subject, self.studies())
