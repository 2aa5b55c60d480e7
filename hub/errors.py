"""The errors that Concord raises: each says which record, what was wrong, and what to do next."""


class HubError(Exception):
    """Something that a person can act on; everything we raise derives from it."""


class ConfigurationWrong(HubError):
    """A rule file or setting is wrong; the run does not start."""


class ContractBroken(HubError):
    """A system did not keep its contract for an object; that object stops, the others go on."""


class SystemUnavailable(HubError):
    """A system could not be reached, or refused us, after the retries that reads are allowed."""


class Refused(HubError):
    """A person's request can't be carried out as asked."""


class NotThere(Refused):
    """What was asked for is not there."""
