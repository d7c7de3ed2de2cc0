"""The fixed grid behind ``reproduce``: does the ELBO, or the SELBO, beat MLE, where, and by how much?"""
