"""The local edge: CloudFront, Route 53's answers and the load balancers, as deployed."""
