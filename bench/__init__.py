"""
What a backend costs: in calls, time, memory and CPU, beside what the same job costs elsewhere.

``python -m bench`` (``make bench``) measures and prints one table; each file answers one question:

===============  =================================================================================
``cloud``        the AWS double in a process of its own, and what was called there
``function``     one of the functions in a process of its own, from the built artifact
``artifact``     the artifact: its size, its imports, its memory
``end_state``    what the others have to reach too
``peers``        the same job by boto3, AWS CLI and Terraform
``jobs``         each job, on each of them, with time added to each call
``starts``       imports in a fresh process, and init under Lambda's own runtime interface
``sweep``        our CPU for an account in which there is nothing to do
``scale``        what binds first when there are many accounts; simulated, nothing is measured
``table``        how all of it is told
===============  =================================================================================
"""
