"""The label images that a training reads."""


def labels_of(stage, labels):
    """The list of label images that a training reads.

    Its time does not count, so labels that are made again to the same content train nothing again. It counts if the
    code has changed: Snakemake does not look at the parameters of jobs that come after a job that runs again.
    """
    is_of_this_code = PLAN.is_of_this_code(stage)

    def listed(wildcards):
        path = filled(labels, wildcards)
        return ancient(path) if is_of_this_code(wildcards) else path

    return listed
